"""Where a benchmark runs: its size, its folder, the processes that it starts."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.benchmarks.bodies import SECRET
from tests.benchmarks.figures import Figure
from tests.features.catalogue import ROOT
from tests.support.hub_process import HubProcess
from tests.support.ports import free_ports
from tests.support.webhooks import NUMBER

_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Size:
    """How much a benchmark does: enough to measure, or just enough to see that it runs."""

    rounds: int
    seconds: float
    open_seconds: float
    messages: int
    replies: int
    idle_seconds: float


FULL: Final = Size(rounds=5, seconds=4, open_seconds=10, messages=6000, replies=60, idle_seconds=5)
TINY: Final = Size(rounds=1, seconds=0.3, open_seconds=0.5, messages=40, replies=2, idle_seconds=0.1)


@dataclass(frozen=True)
class Place:
    """What a benchmark is given; ``say`` tells whoever waits how far it is."""

    size: Size
    folder: Path
    say: Callable[[str], None]

    @contextlib.contextmanager
    def hub(self, name: str, *arguments: str, provider_port: int = 9, start: bool = True) -> Iterator[HubProcess]:
        """Run a hub with the waits that are shipped, its secrets in files as in life."""
        hub = HubProcess(self.folder / name, self.environment(provider_port), arguments, waits={})
        try:
            if start:
                hub.start()
                assert hub.alive, hub.log[-2000:]
            yield hub
        finally:
            hub.kill()

    def environment(self, provider_port: int = 9) -> dict[str, str]:
        """Return the settings of one WhatsApp number."""
        prefix = "HUB_WHATSAPP__PRUEBA__"
        found = {f"{prefix}GRAPH_URL": f"http://127.0.0.1:{provider_port}", f"{prefix}NUMBERS__SOPORTE": NUMBER}
        for name in ("APP_SECRET", "ACCESS_TOKEN", "VERIFY_TOKEN"):
            file = self.folder / name.lower()
            file.touch(mode=0o600)
            file.write_bytes(SECRET)
            found[f"{prefix}{name}_FILE"] = str(file)
        return found

    @contextlib.contextmanager
    def bare(self) -> Iterator[Program]:
        """Run what only answers."""
        (port,) = free_ports(1)
        with program("tests.benchmarks.bare", str(port)) as found:
            found.port = port
            yield found

    @contextlib.contextmanager
    def client(
        self,
        port: int,
        *,
        connections: int = 64,
        seconds: float = 3600.0,
        count: int = 0,
        rate: float = 0.0,
        distinct: int = 2000,
        first: int = 0,
        run: str = "a",
    ) -> Iterator[Callable[[], Mapping[str, Any]]]:
        """Prepare a client; each call sends for so long, or so many, then returns what it measured."""
        wanted: dict[str, Any] = {
            "port": port,
            "connections": connections,
            "seconds": seconds,
            "count": count,
            "rate": rate,
        }
        wanted |= {"distinct": distinct, "first": first, "run": run}
        with program("tests.benchmarks.client", given=json.dumps(wanted)) as client:
            yield lambda: dict(json.loads(client.ask("go")))

    def figures(self, rounds: Mapping[str, list[float]], baseline: Mapping[str, float]) -> list[Figure]:
        """Return figures that share a baseline."""
        return [Figure(name, values, baseline) for name, values in rounds.items()]


class Program:
    """One of our programs, spoken to by lines."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """Hold a process that has said that it is ready."""
        self.pid = process.pid
        self.port = 0
        self._process = process

    def ask(self, line: str) -> str:
        """Say a line, then return the line that comes back."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            msg = f"{self._process.args!r} ended"
            raise RuntimeError(msg)
        return answer


@contextlib.contextmanager
def program(module: str, *arguments: str, given: str | None = None) -> Iterator[Program]:
    """Run a module until the block ends; returns when it is ready."""
    command = [sys.executable, "-m", module, *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT) as process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            if given is not None:
                process.stdin.write(given + "\n")
                process.stdin.flush()
            if process.stdout.readline() != "ready\n":
                msg = f"{module} did not start"
                raise RuntimeError(msg)
            yield Program(process)
        finally:
            process.kill()


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has had, its own with the kernel's for it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def megabytes(pid: int, name: str) -> float:
    """Return VmRSS (now) or VmHWM (the most there ever was)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition(f"{name}:")[2].split()[0]) / 1024


def commits_per_second(folder: Path, seconds: float) -> float:
    """Return how many rows SQLite takes a second, each with an fsync of its own: what this disk gives."""
    path = folder / "baseline.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS rows (row INTEGER PRIMARY KEY, body BLOB NOT NULL)")
    count, body, started = 0, b"x" * 1024, time.perf_counter()
    while time.perf_counter() - started < seconds:
        connection.execute("INSERT INTO rows (body) VALUES (?)", (body,))
        count += 1
    taken = time.perf_counter() - started
    connection.close()
    return count / taken
