"""An HTTP protocol that slow or greedy clients cannot hold open."""

from __future__ import annotations

import asyncio
import resource
from typing import ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from hub.settings import Limits

_SPARE_DESCRIPTORS: Final = 256
_MOST_DESCRIPTORS: Final = 65_536
_MOST_PIPELINED: Final = 16


class Unwanted(Exception):
    """A request that is answered 400, with the connection closed."""


class Guarded(HttpToolsProtocol):
    """uvicorn's protocol with the bounds that it lacks (uvicorn 0.54 has none of these, measured).

    From the first byte of a request to its last no more than ``request_seconds`` may pass, then as long again until
    its answer is taken. What is neither body nor a finished header block may not exceed ``header_bytes``. Sockets
    beyond ``most_connections`` are closed at once.
    """

    limits: ClassVar[Limits]
    most_connections: ClassVar[int]

    _deadline: asyncio.TimerHandle | None = None
    _is_reading = False
    _loose_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin with a deadline for the first request."""
        super().connection_made(transport)
        if len(self.connections) > self.most_connections:
            transport.abort()
        else:
            self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the deadline with the connection."""
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what leads to no progress: endless headers, trailers, chunk extensions."""
        if self._deadline is None:
            # Also for the blank lines that may precede a request: they would end the keep-alive's own deadline.
            self._arm()
        self._loose_bytes += len(data)
        super().data_received(data)
        if self._loose_bytes > self.limits.header_bytes:
            self.transport.abort()

    def on_message_begin(self) -> None:
        """Start the deadline of this request."""
        super().on_message_begin()
        self._is_reading = True
        self._arm()

    def on_headers_complete(self) -> None:
        """Refuse a client that asks far ahead of its answers, or for another protocol.

        Of a request that may be upgraded the parser gives no body: what follows would be taken for a request.
        """
        self._loose_bytes = 0
        if self.parser.should_upgrade() or len(self.pipeline) >= _MOST_PIPELINED:
            raise Unwanted
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Note the progress."""
        self._loose_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Start the deadline of the answer."""
        self._loose_bytes = 0
        super().on_message_complete()
        self._is_reading = False
        self._arm()

    def on_response_complete(self) -> None:
        """End the deadline when nothing is under way; a closing connection may still wait for its reader."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._arm()
        elif not self._is_reading and self.cycle.response_complete:
            self._disarm()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, whether or not its client reads."""
        super().timeout_keep_alive_handler()
        self._arm()

    def send_400_response(self, msg: str) -> None:
        """Refuse garbage, whether or not its sender reads."""
        super().send_400_response(msg)
        self._arm()

    def _arm(self) -> None:
        self._disarm()
        self._deadline = self.loop.call_later(self.limits.request_seconds, self.transport.abort)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def guarded(limits: Limits) -> type[Guarded]:
    """Return the protocol with these limits; raises the process's limit of descriptors as far as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, _MOST_DESCRIPTORS) if hard != resource.RLIM_INFINITY else _MOST_DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    # Databases, journals, providers, pages want theirs, also where there are few in all.
    spare = min(_SPARE_DESCRIPTORS, soft // 2)
    most = limits.connections if soft == resource.RLIM_INFINITY else soft - spare
    return type("Guarded", (Guarded,), {"limits": limits, "most_connections": min(limits.connections, most)})
