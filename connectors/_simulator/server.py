"""Serves a simulator over HTTP on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp

from connectors._simulator.cutting import CuttableProtocol
from hub.errors import Misconfigured


class _Server(uvicorn.Server):
    """A server that leaves the process's signals to whoever runs it."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


async def serve(app: ASGIApp, host: str, port: int, ready: Callable[[], None]) -> None:
    """Answer until cancelled.

    Raises:
        Misconfigured: The port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            msg = (
                f"HUB_SIMULATOR_PORT: {port} cannot be listened on ({error.strerror}); stop its owner or choose another"
            )
            raise Misconfigured([msg]) from None
        config = uvicorn.Config(
            app,
            http=CuttableProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
        )
        # A phone page that waits for messages must not delay the stop.
        config.timeout_graceful_shutdown = 1
        server = _Server(config, ready)
        serving = asyncio.get_running_loop().create_task(server.serve(sockets=[listener]))
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            server.should_exit = True
            await serving
            # Whoever did not end within the graceful second.
            for connection in list(server.server_state.connections):
                connection.transport.abort()
            raise
