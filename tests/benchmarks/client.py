"""Sends signed requests over raw sockets, in a process of its own: the specification as JSON on standard input.

Prints ``ready`` when all requests are signed, runs at each line ``go``, prints what it measured as a line of JSON.
"""

from __future__ import annotations

import gc
import json
import select
import socket
import sys
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any, Final

from tests.benchmarks.bodies import requests

_CHUNK: Final = 65_536
_PATIENCE_SECONDS: Final = 30.0


@dataclass
class Connection:
    """One socket with at most one request on its way."""

    port: int
    socket: socket.socket = field(init=False)
    intended: float = 0.0
    got: bytes = b""

    def __post_init__(self) -> None:
        """Connect."""
        self.socket = socket.create_connection(("127.0.0.1", self.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, request: bytes, intended: float) -> None:
        """Put a whole request on its way; it fits into the socket's buffer."""
        self.intended, self.got = intended, b""
        self.socket.sendall(request)

    def status(self) -> int | None:
        """Take what has come; return the status once the answer is whole, 0 for a connection that broke."""
        data = self.socket.recv(_CHUNK)
        if not data:
            return 0
        self.got += data
        head, end, rest = self.got.partition(b"\r\n\r\n")
        if not end:
            return None
        _, _, length = head.lower().partition(b"content-length: ")
        return int(head[9:12]) if len(rest) >= int(length.split(b"\r\n")[0] or 0) else None


class Client:
    """Closed loop: each connection sends again once it was answered. Open loop: by the clock, whatever comes back."""

    def __init__(self, wanted: dict[str, Any]) -> None:
        """Sign everything that will be sent."""
        self._wanted = wanted
        self._port = int(wanted["port"])
        self._requests = list(requests(int(wanted["first"]), int(wanted["distinct"]), str(wanted["run"])))
        self._sent = 0
        self._statuses: Counter[int] = Counter()
        self._latencies: list[float] = []

    def run(self) -> dict[str, Any]:
        """Run once; what an earlier run has sent is sent again only after everything else."""
        self._statuses.clear()
        self._latencies = []
        connections = [Connection(self._port) for _ in range(int(self._wanted["connections"]))]
        began_at, started = time.time(), time.perf_counter()
        try:
            if self._wanted["rate"]:
                self._open_loop(connections, started)
            else:
                self._closed_loop(connections, started)
            seconds = time.perf_counter() - started
        finally:
            for connection in connections:
                connection.socket.close()
        ordered = sorted(self._latencies)
        return {
            "began_at": began_at,
            "seconds": seconds,
            "answered": len(ordered),
            "statuses": {str(status): count for status, count in self._statuses.items()},
            "p50_ms": 1000 * ordered[len(ordered) // 2],
            "p99_ms": 1000 * ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)],
            "most_ms": 1000 * ordered[-1],
        }

    def _next(self) -> bytes:
        request = self._requests[self._sent % len(self._requests)]
        self._sent += 1
        return request

    def _closed_loop(self, connections: list[Connection], started: float) -> None:
        poll = select.epoll()
        by_number = {connection.socket.fileno(): connection for connection in connections}
        seconds, count = float(self._wanted["seconds"]), int(self._wanted["count"])
        last = self._sent + count if count else sys.maxsize
        clock = time.perf_counter
        for number, connection in by_number.items():
            poll.register(number, select.EPOLLIN)
            if self._sent < last:
                connection.send(self._next(), clock())
        busy = min(len(by_number), count or len(by_number))
        while busy:
            ready = poll.poll(_PATIENCE_SECONDS)
            if not ready:
                msg = f"{busy} requests got no answer"
                raise TimeoutError(msg)
            for number, _ in ready:
                connection = by_number[number]
                status = connection.status()
                if status is None:
                    continue
                now = clock()
                self._note(status, now - connection.intended)
                if now - started < seconds and self._sent < last and status:
                    connection.send(self._next(), now)
                else:
                    busy -= 1
        poll.close()

    def _open_loop(self, connections: list[Connection], started: float) -> None:
        # select takes microseconds where epoll takes whole milliseconds: a late client would be counted as latency.
        every = 1.0 / float(self._wanted["rate"])
        total = int(float(self._wanted["seconds"]) * float(self._wanted["rate"]))
        free, busy = deque(connections), dict[socket.socket, Connection]()
        clock = time.perf_counter
        done = sent = 0
        while done < total:
            now = clock()
            while sent < total and free and started + sent * every <= now:
                connection = free.popleft()
                connection.send(self._next(), started + sent * every)
                busy[connection.socket] = connection
                sent += 1
            due = started + sent * every - clock() if sent < total and free else _PATIENCE_SECONDS
            ready, _, _ = select.select(list(busy), [], [], max(due, 0))
            if not ready and due == _PATIENCE_SECONDS:
                msg = f"{len(busy)} requests got no answer"
                raise TimeoutError(msg)
            for one in ready:
                connection = busy[one]
                status = connection.status()
                if status is None:
                    continue
                self._note(status, clock() - connection.intended)
                done += 1
                del busy[one]
                free.append(connection if status else Connection(self._port))

    def _note(self, status: int, seconds: float) -> None:
        self._statuses[status] += 1
        self._latencies.append(seconds)


def main() -> None:
    """Serve one specification."""
    client = Client(json.loads(sys.stdin.readline()))
    gc.freeze()
    gc.disable()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        if line.strip() == "go":
            sys.stdout.write(json.dumps(client.run()) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
