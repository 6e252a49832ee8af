"""A uvicorn listener that slow or greedy clients cannot hold open."""

from __future__ import annotations

import asyncio
import contextlib
import resource
from collections.abc import AsyncIterator
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from hub.errors import Misconfigured
from hub.settings import Limits

_SPARE_DESCRIPTORS: Final = 256


def guarded(limits: Limits) -> type[asyncio.Protocol]:
    """Return an HTTP protocol with the deadlines that uvicorn lacks.

    From a request's first byte to its last no more than ``request_seconds`` may pass, headers may not exceed
    ``header_bytes``, sockets beyond ``connections`` are closed at once (uvicorn 0.54 has none of these, measured).
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65_536), hard))
        soft = min(hard, 65_536)
    most = min(limits.connections, max(soft - _SPARE_DESCRIPTORS, 16))

    class Guarded(HttpToolsProtocol):
        _deadline: asyncio.TimerHandle | None = None
        _in_headers = True
        _header_bytes = 0

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if len(self.connections) > most:
                transport.abort()
                return
            self._start_deadline()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_deadline()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            if self._deadline is None:
                self._start_deadline()
            if self._in_headers:
                self._header_bytes += len(data)
            super().data_received(data)
            if self._in_headers and self._header_bytes > limits.header_bytes:
                self.transport.abort()

        def on_headers_complete(self) -> None:
            self._in_headers = False
            super().on_headers_complete()

        def on_message_complete(self) -> None:
            self._in_headers = True
            self._header_bytes = 0
            self._stop_deadline()
            super().on_message_complete()

        def _start_deadline(self) -> None:
            self._deadline = self.loop.call_later(limits.request_seconds, self._give_up)

        def _stop_deadline(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

        def _give_up(self) -> None:
            if not self.transport.is_closing():
                self.transport.abort()

    return Guarded


class _Server(uvicorn.Server):
    """A server that leaves the process's signals alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        """Take no signals: the process stops its parts in order by itself."""
        yield


@contextlib.asynccontextmanager
async def listening(app: Any, host: str, port: int, *, limits: Limits | None = None) -> AsyncIterator[None]:
    """Serve an ASGI app until the block ends; the port is open when the block begins.

    Raises:
        Misconfigured: The port cannot be had.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=guarded(limits) if limits else "httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=5,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(), name=f"listener-{port}")
    try:
        while not server.started:
            if task.done():
                msg = f"port {port} on {host} cannot be listened on; another process has it, choose another port"
                raise Misconfigured([msg])
            await asyncio.sleep(0.005)
        yield
    finally:
        server.should_exit = True
        with contextlib.suppress(SystemExit):
            await task
