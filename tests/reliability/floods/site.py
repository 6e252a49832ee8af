"""The attacked hub, with genuine customers who write all the while."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.benchmarks.bodies import request
from tests.benchmarks.place import FULL, Place, cpu_seconds, megabytes
from tests.features.catalogue import ROOT
from tests.support.audit import Books
from tests.support.hub_process import HubProcess, until
from tests.support.journals import bodies

GENUINE_RATE: Final = 20.0


@dataclass
class Flooded:
    """What an attack came to.

    Attributes:
        statuses: How often the attackers were answered what; "closed" for no answer.
        genuine: What the customers' client measured meanwhile.
        grown_megabytes: The most memory there ever was, less what there was before.
        cpu_seconds: What the attack with the customers cost the hub.
        facts: What else the attack tells of itself.
        problems: What should have held, but did not.
    """

    statuses: Counter[str]
    genuine: Mapping[str, Any] = field(default_factory=dict)
    before_megabytes: float = 0.0
    most_megabytes: float = 0.0
    cpu_seconds: float = 0.0
    seconds: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def must(self, holds: bool, otherwise: str) -> None:  # noqa: FBT001 - reads as a sentence
        """Note a problem unless something holds; the rest of the attack is still worth seeing."""
        if not holds:
            self.problems.append(otherwise)

    def must_not_grow(self, limit_megabytes: float) -> None:
        """Note a problem when the process needed more memory than that."""
        self.must(self.grown_megabytes < limit_megabytes, f"grew by {self.grown_megabytes:.0f} MB")

    @property
    def grown_megabytes(self) -> float:
        """Return how much more memory there was at the worst moment."""
        return self.most_megabytes - self.before_megabytes

    def document(self) -> dict[str, Any]:
        """Return it as it is kept."""
        return {
            "statuses": dict(sorted(self.statuses.items())),
            "genuine": {
                "answered": self.genuine.get("statuses", {}),
                **{name: round(self.genuine[name], 1) for name in ("p50_ms", "p99_ms", "most_ms") if self.genuine},
            },
            "before_megabytes": round(self.before_megabytes, 1),
            "most_megabytes": round(self.most_megabytes, 1),
            "cpu_seconds": round(self.cpu_seconds, 1),
            "seconds": round(self.seconds, 1),
            "problems": self.problems,
            **self.facts,
        }


@dataclass
class Site:
    """A hub that listens on loopback."""

    place: Place
    hub: HubProcess
    kept: int = 0

    @property
    def pid(self) -> int:
        """Return its process."""
        assert self.hub.process is not None
        return self.hub.process.pid

    @contextlib.asynccontextmanager
    async def under_attack(self, name: str, seconds: float) -> AsyncIterator[Flooded]:
        """Measure the block; genuine customers write for so long at least, each is answered before it ends."""
        flooded = Flooded(Counter(), before_megabytes=megabytes(self.pid, "VmRSS"))
        # The kernel forgets the most that there ever was.
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")
        count = max(int(seconds * GENUINE_RATE), 1)
        customers = self.place.client(
            self.hub.webhook_port, connections=8, rate=GENUINE_RATE, seconds=seconds, distinct=count, run=name
        )
        cpu, started = cpu_seconds(self.pid), time.perf_counter()
        with customers as write:
            writing = asyncio.create_task(asyncio.to_thread(write))
            try:
                yield flooded
            finally:
                flooded.genuine = await writing
        flooded.seconds = time.perf_counter() - started
        flooded.cpu_seconds = cpu_seconds(self.pid) - cpu
        flooded.most_megabytes = megabytes(self.pid, "VmHWM")
        self.kept += flooded.genuine["statuses"].get("200", 0)

    async def post(self, contents: Iterator[bytes], *, connections: int = 16) -> Counter[str]:
        """Send bodies, each signed as the provider signs; return how often what was answered."""
        statuses: Counter[str] = Counter()

        async def send() -> None:
            for content in contents:
                statuses[await self.answer(request(content))] += 1

        await asyncio.gather(*(send() for _ in range(connections)))
        self.kept += statuses["200"]
        return statuses

    async def answer(self, data: bytes, *, source: str = "127.0.0.1", port: int | None = None) -> str:
        """Return the status of one request on a connection of its own, ``closed`` when there is none."""
        writer = None
        try:
            async with asyncio.timeout(60):
                address = ("127.0.0.1", port or self.hub.webhook_port)
                reader, writer = await asyncio.open_connection(*address, local_addr=(source, 0))
                writer.write(data)
                line = await reader.readline()
        except ConnectionError:
            return "closed"
        finally:
            if writer is not None:
                writer.transport.abort()
        return line[9:12].decode() or "closed"

    def everything_kept_is_accounted_for(self, seconds: float = 120.0) -> dict[str, int]:
        """Return the account of the hub once nothing waits; whatever was answered 200 must be in it.

        Raises:
            AssertionError: It was not kept, not ingested, or does not add up.
        """
        books = Books(self.hub.data)
        until(lambda: books.count("deliveries") >= self.kept, f"all {self.kept} are ingested", seconds=seconds)
        until(lambda: self._balance()[0] == 0, "the account adds up with nothing left", seconds=seconds)
        in_journal = len(bodies(self.hub.data / "journal"))
        assert in_journal == books.count("deliveries") == self.kept, (in_journal, self.kept)
        sums = books.rows(
            "SELECT sum(items), sum(published), sum(ignored), sum(duplicate), sum(quarantined) FROM deliveries"
        )
        names = ("items", "published", "ignored", "duplicate", "quarantined")
        return {
            "deliveries": self.kept,
            **dict(zip(names, (int(value or 0) for value in sums[0]), strict=True)),
            "dead_letters": books.count("dead_letters"),
        }

    def _balance(self) -> tuple[int, str]:
        command = [sys.executable, "-m", "hub", "balance", "--json", "--data", str(self.hub.data)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            return done.returncode, done.stdout + done.stderr
        found = json.loads(done.stdout)
        assert found["broken"] == []
        waits = found["journal"]["pending"] + sum(group["not_reached"] + group["held"] for group in found["groups"])
        return (1 if waits else 0), done.stdout


@contextlib.contextmanager
def site(
    folder: Path,
    *,
    limits: Mapping[str, str] | None = None,
    descriptors: int | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[Site]:
    """Run a hub of one WhatsApp number, whose provider takes every reply; it must live to the end of the block."""
    place = Place(FULL, folder, say)
    with place.bare() as provider, place.hub("hub", provider_port=provider.port, start=False) as hub:
        hub.environment = {
            **hub.environment,
            **{f"HUB_LIMITS__{name}": value for name, value in (limits or {}).items()},
        }
        hub.descriptors = descriptors
        hub.start()
        assert hub.alive, hub.log[-2000:]
        yield Site(place, hub)
        assert hub.alive, hub.log[-5000:]
