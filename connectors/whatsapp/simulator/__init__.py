"""WhatsApp, played over real HTTP on loopback."""

from __future__ import annotations

import asyncio

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from connectors.whatsapp.simulator import page, server
from connectors.whatsapp.simulator.control import Control
from connectors.whatsapp.simulator.courier import Courier
from connectors.whatsapp.simulator.faults import FaultPlan
from connectors.whatsapp.simulator.graph import Graph
from connectors.whatsapp.simulator.guard import LoopbackOnly
from connectors.whatsapp.simulator.ledger import Ledger
from connectors.whatsapp.simulator.options import SimulatorOptions
from connectors.whatsapp.simulator.phones import Phones

__all__ = ["SimulatorOptions", "WhatsAppSimulator", "build"]


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
        phones, faults = Phones(self._ledger), FaultPlan(options.randomness)
        self._courier = Courier(options, self._ledger, faults)
        self._graph = Graph(options, self._ledger, phones, self._courier, faults)
        control = Control(options, self._ledger, phones, self._courier, faults)
        messages = Route("/{version}/{number}/messages", self._graph.messages, methods=["POST"])
        self.app: ASGIApp = LoopbackOnly(Starlette(routes=[*page.routes(), *control.routes(), messages]))
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
