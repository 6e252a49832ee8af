"""Slow sockets by the thousand: clients that drip, others that never read."""

from __future__ import annotations

import asyncio
import itertools
import socket
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from tests.benchmarks.bodies import PATH

HEADER: Final = b"POST %s HTTP/1.1\r\nHost: hub\r\nX-Slow: " % PATH.encode()
BODY: Final = b"POST %s HTTP/1.1\r\nHost: hub\r\nContent-Length: 4000000\r\n\r\n{" % PATH.encode()
QUESTION: Final = b"GET /nothing HTTP/1.1\r\nHost: hub\r\n\r\n"
_FEW_BYTES: Final = 2048
_ESTABLISHED: Final = 1
_LOOK_SECONDS: Final = 0.5


@dataclass
class Slowness:
    """What slow clients of one kind do, with what became of them.

    Attributes:
        start: What each sends first.
        drip: What each sends every ``every_seconds``.
        reads: Whether it takes what it is answered.
        lived: Seconds from each connection's start to its end.
    """

    start: bytes
    drip: bytes
    reads: bool = True
    every_seconds: float = 5.0
    lived: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)


class _Slow(asyncio.Protocol):
    def __init__(self, slowness: Slowness) -> None:
        self.gone = asyncio.get_running_loop().create_future()
        self._slowness = slowness
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.began, self.transport = time.monotonic(), transport
        if not self._slowness.reads:
            transport.pause_reading()
        transport.write(self._slowness.start)
        self._timer = asyncio.get_running_loop().call_later(self._slowness.every_seconds, self._drip)
        if not self._slowness.reads:
            self._watch()

    def data_received(self, data: bytes) -> None:
        self._got = self._got or data

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        if not self.gone.done():
            self._slowness.lived.append(time.monotonic() - self.began)
            self._slowness.statuses[self._got[9:12].decode() or "closed"] += 1
            self.gone.set_result(None)

    def _watch(self) -> None:
        """See the end of a connection on which nothing is read: writing would show it only two drips later."""
        plug = self.transport.get_extra_info("socket")
        if self.transport.is_closing() or plug.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != _ESTABLISHED:
            self.transport.abort()
        else:
            asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._watch)

    def _drip(self) -> None:
        self.transport.write(self._slowness.drip)
        self._timer = asyncio.get_running_loop().call_later(self._slowness.every_seconds, self._drip)


async def hold(port: int, kinds: list[Slowness], sockets: int, seconds: float) -> float:
    """Keep so many slow sockets open for so long, each opened again when it is closed; at first one after the other.

    Returns:
        How long the last of them lived on after that.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    # Enough addresses that no port runs out; none of them is the customers'.
    sources = itertools.cycle([f"127.0.1.{number}" for number in range(1, 9)])

    async def one(kind: Slowness, pause: float) -> None:
        await asyncio.sleep(pause)
        while loop.time() < deadline:
            plug = socket.socket()
            plug.setblocking(False)  # noqa: FBT003 - the socket's own name for it
            if not kind.reads:
                plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _FEW_BYTES)
            plug.bind((next(sources), 0))
            try:
                await loop.sock_connect(plug, ("127.0.0.1", port))
                _, slow = await loop.create_connection(lambda: _Slow(kind), sock=plug)
            except OSError:
                plug.close()
                kind.statuses["refused"] += 1
                await asyncio.sleep(0.2)
                continue
            await slow.gone

    # Not all in one instant: it is the holding of sockets that is to hurt, not a burst of requests.
    apart = kinds[0].every_seconds / sockets
    await asyncio.gather(*(one(kinds[number % len(kinds)], number * apart) for number in range(sockets)))
    return max(loop.time() - deadline, 0.0)


def all_kinds(every_seconds: float) -> list[Slowness]:
    """Return the three kinds of slow client."""
    return [
        Slowness(HEADER, b"x", every_seconds=every_seconds),
        Slowness(BODY, b"x", every_seconds=every_seconds),
        # An answer waits in the socket; what never ends is the next request, of which only the start is sent.
        Slowness(QUESTION + HEADER, b"x", reads=False, every_seconds=every_seconds),
    ]
