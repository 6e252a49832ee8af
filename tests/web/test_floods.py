"""Floods from many clients at once: answered or closed, never held in memory."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.features.catalogue import ROOT
from tests.support.journals import bodies
from tests.support.ports import free_ports
from tests.web.conftest import Line, post

MIB = 1024 * 1024
REQUEST_SECONDS = 3.0
IN_FLIGHT = 64
"""MiB that all bodies share; sockets, parsers or copies may take as much again."""
CHUNKED = post()[: post().index(b"Content-Length")] + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNK = b"10000\r\n" + b"x" * 65_536 + b"\r\n"


@dataclass
class Receiver:
    """A listener in a process of its own."""

    process: subprocess.Popen[bytes]
    port: int
    directory: Path
    lines: list[Line] = field(default_factory=list)

    async def line(self) -> Line:
        """Connect."""
        line = Line(*await asyncio.open_connection("127.0.0.1", self.port))
        self.lines.append(line)
        return line

    async def ask(self, data: bytes) -> int:
        """Send a request, then return the status of its answer, 0 when there is none."""
        line = await self.line()
        try:
            await line.send(data)
            return (await line.reply()).status
        except (ConnectionError, asyncio.IncompleteReadError):
            return 0
        finally:
            line.writer.transport.abort()

    def memory(self, name: str) -> float:
        """Return VmRSS (now) or VmHWM (the most there ever was) in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition(f"{name}:")[2].split()[0]) / 1024


@pytest.fixture
async def receiver(tmp_path: Path) -> AsyncIterator[Receiver]:
    """A listener that has taken its largest body once."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "tests.support.webhook_server", str(tmp_path / "journal"), str(port)]
    with subprocess.Popen([*command, str(REQUEST_SECONDS)], stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        assert await asyncio.to_thread(process.stdout.readline) == b"ready\n"
        receiver = Receiver(process, port, tmp_path / "journal")
        assert await receiver.ask(post(b"x" * 4 * MIB)) == 200
        yield receiver
        process.kill()
        for line in receiver.lines:
            line.writer.transport.abort()
        await asyncio.sleep(0)


@pytest.mark.feature("OP-16")
async def test_a_body_is_refused_one_byte_behind_the_limit(receiver: Receiver) -> None:
    """Chunked, so that nobody says beforehand how large it will be."""
    before = receiver.memory("VmRSS")
    line = await receiver.line()
    await line.send(CHUNKED + b"".join([CHUNK] * 64))
    await line.send(b"1\r\nx\r\n")

    started = time.monotonic()
    reply = await line.reply()

    assert reply.status == 413
    assert time.monotonic() - started < REQUEST_SECONDS, "at once, not at the deadline"
    assert receiver.memory("VmHWM") - before < 16
    assert await receiver.ask(post(b"x" * 4 * MIB)) == 200, "the limit itself is allowed"


@pytest.mark.feature("OP-16")
async def test_greedy_bodies_are_refused_without_growth(receiver: Receiver) -> None:
    """20 at once of 100 MB each: half of them declare it, half never say how much."""
    before = receiver.memory("VmRSS")

    declared = b"POST %s HTTP/1.1\r\nContent-Length: 104857600\r\n\r\n" % post().split()[1]
    greedy = [(declared, b"x" * 65_536)] * 10 + [(CHUNKED, CHUNK)] * 10
    with ThreadPoolExecutor(len(greedy)) as threads:
        loop = asyncio.get_running_loop()
        shoving = (loop.run_in_executor(threads, shove, receiver.port, head, piece) for head, piece in greedy)
        statuses = await asyncio.gather(*shoving)

    assert Counter(statuses[:10]) == {413: 10}
    assert set(statuses[10:]) <= {413, 503}, "too large, or no room left to find out"
    assert receiver.memory("VmHWM") - before < 100
    assert await receiver.ask(post(b"genuine")) == 200


def shove(port: int, head: bytes, piece: bytes) -> int:
    """Send on until the other side closes; return the status that it left, 0 for none.

    By hand: an event loop's stream forgets an answer that it had not read when its own sending was refused.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        with contextlib.suppress(ConnectionError):
            line.sendall(head)
            while True:
                line.sendall(piece)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while data := line.recv(65_536):
                answer += data
    return int(answer.split()[1]) if answer else 0


@pytest.mark.feature("OP-16")
async def test_bodies_in_flight_share_a_bound(receiver: Receiver) -> None:
    """100 senders stop after 1.5 MiB of 3: there is room for 42 of them, the others are told to come again."""
    before = receiver.memory("VmRSS")
    head = post(b"x" * 3 * MIB)[: -3 * MIB]
    lines = [await receiver.line() for _ in range(100)]

    await asyncio.gather(*(line.send(head + b"x" * (3 * MIB // 2)) for line in lines))
    replies = await asyncio.gather(*(line.closed() for line in lines))

    told = Counter(reply[9:12] for reply in replies)
    assert told[b"503"] >= 50
    assert told[b"503"] + told[b""] == 100, "who got room was closed at the deadline"
    assert all(b"retry-after: 1\r\n" in reply for reply in replies if reply)
    assert receiver.memory("VmHWM") - before < 2 * IN_FLIGHT
    assert await receiver.ask(post(b"x" * 3 * MIB)) == 200, "all room is free again"


@pytest.mark.feature("OP-16")
async def test_slow_clients_hold_up_nobody(receiver: Receiver) -> None:
    """200 sockets send a byte now or then, of headers or bodies; genuine deliveries pass at once."""
    before = receiver.memory("VmRSS")
    lines = [await receiver.line() for _ in range(200)]
    starts = [post()[:30], post(b"x" * 1000)[:-900], CHUNKED, b""]
    for number, line in enumerate(lines):
        await line.send(starts[number % 4])

    async def drip() -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                await asyncio.sleep(0.3)
                for line in lines:
                    line.writer.write(b"x")

    dripping = asyncio.create_task(drip())
    statuses = []
    for number in range(50):
        started = time.monotonic()
        statuses.append(await receiver.ask(post(b"genuine %d" % number)))
        assert time.monotonic() - started < REQUEST_SECONDS
    started = time.monotonic()
    await asyncio.gather(*(line.closed() for line in lines))
    dripping.cancel()

    assert statuses == [200] * 50
    assert time.monotonic() - started < 3 * REQUEST_SECONDS, "each has its deadline, however it drips"
    assert receiver.memory("VmHWM") - before < 24
    assert bodies(receiver.directory)[1:] == [b"genuine %d" % number for number in range(50)]


@pytest.mark.feature("OP-16")
async def test_a_burst_of_large_deliveries_is_kept_or_told_to_come_again(receiver: Receiver) -> None:
    before = receiver.memory("VmRSS")
    body = b"x" * 3 * MIB

    statuses = Counter(await asyncio.gather(*(receiver.ask(post(body)) for _ in range(60))))

    assert set(statuses) <= {200, 503}
    assert statuses[200] >= 20
    assert receiver.memory("VmHWM") - before < 4 * IN_FLIGHT, "with what SQLite copies on the way to the disk"
    kept = bodies(receiver.directory)[1:]
    assert len(kept) == statuses[200], "all that was answered 200, nothing that was not"
    assert set(kept) == {body}
