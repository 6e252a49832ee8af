"""Serves an ASGI app on one port for as long as a block lasts."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import uvicorn

from hub.errors import Misconfigured
from hub.settings import Limits
from hub.web.guard import guarded

_BACKLOG: Final = 2048
_KEEP_ALIVE_SECONDS: Final = 5
_GRACEFUL_SECONDS: Final = 5


class _Server(uvicorn.Server):
    """A server that leaves the process's signals alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take no signals: the process stops its parts in order by itself."""
        yield


@contextlib.asynccontextmanager
async def listening(app: Any, host: str, port: int, *, limits: Limits | None = None) -> AsyncIterator[None]:
    """Serve an ASGI app until the block ends; the port is open when the block begins.

    Args:
        app: The ASGI app.
        host: Address to listen on.
        port: Port to listen on.
        limits: For a listener that strangers reach.

    Raises:
        Misconfigured: The port cannot be had.
    """
    listener = _bind(host, port)
    config = uvicorn.Config(
        app,
        http=guarded(limits) if limits else "httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        # Garbage on a public port is no news.
        log_level="error",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACEFUL_SECONDS,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve([listener]), name=f"listener-{port}")
    try:
        while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn has no event to wait for
            await asyncio.sleep(0.005)
        if task.done():
            task.result()
        yield
    finally:
        server.should_exit = True
        await asyncio.gather(task, return_exceptions=True)
        listener.close()
        for connection in list(server.server_state.connections):
            connection.transport.abort()


def _bind(host: str, port: int) -> socket.socket:
    # Done here: uvicorn leaves the whole process when it cannot bind.
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        msg = f"{host} is no address to listen on ({error.strerror}); name one of this machine"
        raise Misconfigured([msg]) from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        msg = f"port {port} on {host} cannot be listened on ({error.strerror}); stop who has it, or choose another port"
        raise Misconfigured([msg]) from None
    return listener
