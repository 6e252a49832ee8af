"""Customers who write at a steady rate whatever comes back, in a process of their own.

The specification comes as JSON on standard input. Prints ``ready``, then for each webhook writes a line of JSON into
``file``: its number, the instant at which it should have left, seconds until its answer, the status. Ends with its
input, then prints how many it has sent.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.benchmarks.bodies import request, sender
from tests.benchmarks.client import Connection
from tests.features.catalogue import ROOT
from tests.support.webhooks import of_messages, text

LINES: Final = 3
"""Each customer writes so many, a while apart, the next once the one before was answered."""

TOGETHER: Final = 20
"""So many write in turns."""

_CONNECTIONS: Final = 64
_TEXT: Final = "Desde la actualización todas las facturas salen con errores contables, cliente {customer} línea {line}"
_A_FEW_LINES: Final = 1024
_AT_LEAST_SECONDS: Final = 0.0005


def customer_of(number: int) -> tuple[int, int]:
    """Return who writes the n-th webhook, with which of his lines."""
    group, place = divmod(number, LINES * TOGETHER)
    line, one = divmod(place, TOGETHER)
    return group * TOGETHER + one, line


def read_line(words: str) -> tuple[int, int]:
    """Return whose line a text is, with its number."""
    *_, customer, _, line = words.split()
    return int(customer), int(line)


@dataclass(frozen=True)
class Written:
    """A webhook of a customer.

    Attributes:
        at: The instant in seconds since 1970 at which it should have left.
        seconds: From that instant to the answer.
    """

    customer: int
    line: int
    at: float
    seconds: float
    status: int


def written(file: Path) -> Iterator[Written]:
    """Yield what customers have written, in the order of the answers."""
    with file.open() as lines:
        for one in lines:
            number, at, seconds, status = json.loads(one)
            yield Written(*customer_of(number), at, seconds, status)


def newest_customer(file: Path) -> int:
    """Return the last one who was answered, without reading all the others; 0 when there is none yet."""
    with file.open("rb") as lines:
        lines.seek(max(0, file.stat().st_size - _A_FEW_LINES))
        _, _, last = lines.read().removesuffix(b"\n").rpartition(b"\n")
    return customer_of(json.loads(last)[0])[0] if last else 0


class Customers:
    """Send by the clock; a latency counts from the instant at which the request should have left."""

    def __init__(self, wanted: dict[str, Any]) -> None:
        """Connect."""
        self._port, self._path = int(wanted["port"]), str(wanted["path"])
        self._secret = str(wanted["secret"]).encode()
        self._every = 1 / float(wanted["rate"])
        self._free = deque(Connection(self._port) for _ in range(_CONNECTIONS))
        self._busy: dict[socket.socket, tuple[Connection, int]] = {}
        self._began, self._epoch = time.perf_counter(), time.time()

    def run(self, file: Path) -> int:
        """Send until standard input ends, then wait for the answers; return how many were sent."""
        sent, over = 0, False
        with file.open("w", buffering=1) as out:
            while not over or self._busy:
                while not over and self._free and self._due(sent) <= 0 and self._may_write(sent):
                    self._send(sent)
                    sent += 1
                pause = 1.0 if over or not self._free else max(self._due(sent), _AT_LEAST_SECONDS)
                ready, _, _ = select.select([*self._busy, *(() if over else (sys.stdin,))], [], [], pause)
                over = over or (sys.stdin in ready and not sys.stdin.readline())
                for one in ready:
                    if one in self._busy:
                        self._take(one, out)
        return sent

    def _due(self, number: int) -> float:
        return self._began + number * self._every - time.perf_counter()

    def _may_write(self, number: int) -> bool:
        """Nobody writes while an earlier line of his is on its way: their order would be nobody's to tell."""
        customer, _ = customer_of(number)
        return all(customer_of(other)[0] != customer for _, other in self._busy.values())

    def _send(self, number: int) -> None:
        customer, line = customer_of(number)
        words = _TEXT.format(customer=customer, line=line)
        body = of_messages(text(f"wamid.steady.{number}", words, sender=sender(customer), at=datetime.now(UTC)))
        connection = self._free.popleft()
        self._busy[connection.socket] = connection, number
        connection.send(request(body, secret=self._secret, path=self._path), self._began + number * self._every)

    def _take(self, one: socket.socket, out: Any) -> None:
        connection, number = self._busy[one]
        try:
            status = connection.status()
        except OSError:
            status = 0
        if status is None:
            return
        del self._busy[one]
        seconds = time.perf_counter() - connection.intended
        out.write(json.dumps([number, round(self._epoch + number * self._every, 4), round(seconds, 6), status]) + "\n")
        if not status:
            connection.socket.close()
            connection = Connection(self._port)
        self._free.append(connection)


@contextlib.contextmanager
def customers(port: int, environment: Mapping[str, str], rate: float, file: Path) -> Iterator[Callable[[], int]]:
    """Let customers write until the block ends, or until the number of what they wrote is asked for."""
    wanted = {
        "port": port,
        "path": "/webhooks/whatsapp/sandbox",
        "secret": environment["HUB_WHATSAPP__SANDBOX__APP_SECRET"],
        "rate": rate,
        "file": str(file),
    }
    command = [sys.executable, "-m", "tests.reliability.steady"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(wanted) + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "ready\n"

        def stop() -> int:
            return int(process.communicate(timeout=60)[0])

        try:
            yield stop
        finally:
            process.kill()


def main() -> None:
    """Serve one specification."""
    wanted = json.loads(sys.stdin.readline())
    customers = Customers(wanted)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sent = customers.run(Path(wanted["file"]))
    sys.stdout.write(f"{sent}\n")


if __name__ == "__main__":
    main()
