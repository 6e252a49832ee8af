"""A Facebook page, played over real HTTP on loopback."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.types import ASGIApp

from connectors._meta.simulated_app import App, SimulatedApp
from connectors._simulator import server
from connectors._simulator.courier import Courier
from connectors._simulator.faults import FaultPlan
from connectors._simulator.files import Files
from connectors._simulator.guard import LoopbackOnly
from connectors._simulator.ledger import Ledger
from connectors._simulator.phones import Phones
from connectors._simulator.surface import Surface, page
from connectors.facebook.product import OBJECT, PERMISSIONS
from connectors.facebook.simulator.control import Control
from connectors.facebook.simulator.faults import Faults
from connectors.facebook.simulator.graph import Graph
from connectors.facebook.simulator.options import SimulatorOptions
from connectors.facebook.simulator.people import psid_of
from connectors.facebook.simulator.subscriptions import FIELDS, Subscriptions
from connectors.facebook.simulator.telling import Teller
from connectors.facebook.simulator.updates import headers, wire

__all__ = ["FacebookSimulator", "SimulatorOptions", "build"]

STATIC: Final = Path(__file__).parent / "static"


class FacebookSimulator:
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
        self._courier = Courier(options, self._ledger, faults, wire, partial(headers, options))
        self._teller = Teller(options, self._ledger, self._courier, faults)
        files = Files(options, self._ledger, faults)
        graph = Graph(options, self._ledger, phones, self._teller, faults, files)
        surface = Surface(self._ledger, phones, self._courier, faults, psid_of)
        subscriptions = Subscriptions(options, self._ledger)
        control = Control(options, self._ledger, phones, graph.wall, self._courier, files)
        app = App(options.app_id, OBJECT, FIELDS, PERMISSIONS, options.access_token, options.api_version)
        webhook = SimulatedApp(app, options, self._ledger, self._courier)
        hub_side = [*webhook.routes(), *graph.routes(), *subscriptions.routes(), *files.routes()]
        routes = [*page(STATIC), *surface.routes(), *control.routes(), *hub_side]
        self.app: ASGIApp = LoopbackOnly(Starlette(routes=routes))
        self.ready = asyncio.Event()

    async def start(self) -> None:
        """Begin to send webhooks, first what an earlier run left."""
        await self._courier.start()
        self._teller.resume()

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


def build(options: SimulatorOptions) -> FacebookSimulator:
    """Return a simulator that does nothing yet."""
    return FacebookSimulator(options)
