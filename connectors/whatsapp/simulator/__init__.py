"""WhatsApp, played over real HTTP on loopback."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from connectors._meta.simulated_app import App, SimulatedApp
from connectors._simulator import server
from connectors._simulator.courier import Courier
from connectors._simulator.faults import FaultPlan
from connectors._simulator.guard import LoopbackOnly
from connectors._simulator.ledger import Ledger
from connectors._simulator.phones import Phones
from connectors._simulator.surface import Surface, page
from connectors.whatsapp.product import FIELDS, OBJECT, PERMISSIONS
from connectors.whatsapp.simulator.business import APP_ID, Business
from connectors.whatsapp.simulator.control import Control
from connectors.whatsapp.simulator.faults import Faults
from connectors.whatsapp.simulator.graph import Graph
from connectors.whatsapp.simulator.media import Media
from connectors.whatsapp.simulator.options import SimulatorOptions
from connectors.whatsapp.simulator.phones import phone_key
from connectors.whatsapp.simulator.updates import headers, wire

__all__ = ["SimulatorOptions", "WhatsAppSimulator", "build"]

STATIC: Final = Path(__file__).parent / "static"


class WhatsAppSimulator:
    """The provider: the Graph API for the hub, a control surface for tests, a phone page for people.

    Attributes:
        app: The ASGI application; needs ``start`` before its first request.
        ready: Set once ``serve`` listens.
    """

    def __init__(self, options: SimulatorOptions) -> None:
        """Join the parts; nothing runs yet."""
        self._options = options
        self._ledger = Ledger(options.ledger_path, options.clock)
        phones, faults = Phones(self._ledger), FaultPlan(options.randomness, Faults())
        self._courier = Courier(options, self._ledger, faults, partial(wire, options), partial(headers, options))
        media = Media(options, self._ledger, faults)
        self._graph = Graph(options, self._ledger, phones, self._courier, faults, media)
        surface = Surface(self._ledger, phones, self._courier, faults, phone_key)
        messages = Route("/{version}/{number}/messages", self._graph.messages, methods=["POST"])
        control = Control(options, self._ledger, phones, self._courier, self._graph.windows, media)
        business = Business(options, self._ledger)
        app = App(APP_ID, OBJECT, FIELDS, PERMISSIONS, options.access_token, options.api_version)
        subscriptions = SimulatedApp(app, options, self._ledger, self._courier)
        hub_side = [
            messages,
            *subscriptions.routes(),
            *business.routes(),
            *self._graph.catalogue.routes(),
            *media.routes(),
        ]
        routes = [*page(STATIC), *surface.routes(), *control.routes(), *hub_side]
        self.app: ASGIApp = LoopbackOnly(Starlette(routes=routes))
        self.ready = asyncio.Event()

    async def start(self) -> None:
        """Begin to send webhooks, first what an earlier run left."""
        await self._courier.start()
        self._graph.resume()

    async def stop(self) -> None:
        """Stop sending; what is on its way stands in the ledger."""
        await self._courier.stop()
        self._ledger.close()

    async def serve(self) -> None:
        """Answer on the options' host with port until cancelled."""
        await self.start()
        try:
            await server.serve(self.app, self._options.host, self._options.port, self.ready.set)
        finally:
            await self.stop()


def build(options: SimulatorOptions) -> WhatsAppSimulator:
    """Return a simulator that does nothing yet."""
    return WhatsAppSimulator(options)
