"""What every simulated provider does from its start to its stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from connectors._simulator import server
from connectors._simulator.courier import Courier
from connectors._simulator.guard import LoopbackOnly
from connectors._simulator.ledger import Ledger
from connectors._simulator.options import PlayOptions
from connectors._simulator.ports import Ports
from hub.contracts import SandboxPlace


class Play:
    """A provider over real HTTP on loopback.

    Attributes:
        app: The ASGI application; needs ``start`` before its first request.
        ready: Set once ``serve`` listens.
    """

    def __init__(
        self,
        options: PlayOptions,
        ledger: Ledger,
        courier: Courier,
        routes: Sequence[BaseRoute],
        resume: Callable[[], None],
    ) -> None:
        """Join the parts; nothing runs yet. ``resume`` tells what an earlier run did not get to."""
        self._options, self._ledger, self._courier, self._resume = options, ledger, courier, resume
        self.app: ASGIApp = LoopbackOnly(Starlette(routes=routes))
        self.ready = asyncio.Event()

    async def start(self) -> None:
        """Begin to send webhooks, first what an earlier run left."""
        await self._courier.start()
        self._resume()

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


def options_at(place: SandboxPlace, name: str, *, opens: str, app: str, ledger: str) -> dict[str, Any]:
    """Return the options that every provider needs at a place; ``opens`` names the secret of its API."""
    ports = Ports(place)
    return {
        "webhook_url": f"{place.webhooks}/{name}/{app}",
        "app_secret": place.secret(f"{name}-app").encode(),
        "verify_token": place.secret(f"{name}-verify"),
        "access_token": place.secret(f"{name}-{opens}"),
        "clock": ports,
        "randomness": ports,
        "port": place.port,
        "ledger_path": Path(place.directory) / ledger,
    }
