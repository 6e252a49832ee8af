"""Takes Kafka, then PostgreSQL as well, from a hub at scale under steady load; measures, then judges what is left."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psycopg
from aiokafka.errors import KafkaError

from tests.features.catalogue import ROOT
from tests.kafka.subscriber import EVERY, NOUNS
from tests.reliability.outage_books import Verdict, judge, judge_copies, taken
from tests.reliability.reaper import PROCESSES
from tests.reliability.steady import TOGETHER, Written, newest_customer, written
from tests.support.fleet import Fleet, a_fleet
from tests.support.kafka import Broker, KafkaPlace, own_broker
from tests.support.postgres_server import PostgresServer, a_server

HUB: Final = (sys.executable, "-m", "hub")
# Every wait is as shipped: the figures are a customer's.
SHIPPED: Final = {"HUB_LIMITS__DISK_FREE_BYTES": "1"}

_PATIENCE_SECONDS: Final = 180.0
_EDGE_SECONDS: Final = 3.0
_SAY_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Phase:
    """What was measured in a stretch of the run.

    Attributes:
        intake_ms: p50, p99 of the answer to a webhook.
        reply_ms: p50, p99 from a customer's first webhook to the reply at the provider; those who write in the last
            seconds do not count, since what comes next may hold their replies up.
    """

    seconds: float
    webhooks: int
    intake_ms: tuple[float, float]
    reply_ms: tuple[float, float]

    def document(self) -> dict[str, Any]:
        """Return it as it is kept."""
        found: dict[str, Any] = {"seconds": round(self.seconds, 1), "webhooks": self.webhooks}
        for name, values in (("intake", self.intake_ms), ("reply", self.reply_ms)):
            found |= {
                f"{name}_{share}_ms": round(value, 2) for share, value in zip(("p50", "p99"), values, strict=True)
            }
        return found


@dataclass
class Outage:
    """What one run has seen.

    Attributes:
        refused: Webhooks that were not answered 2xx.
        kafka_seconds: How long there was no broker.
        database_seconds: How long there was no PostgreSQL.
        first_effect_seconds: From PostgreSQL's return to the first call at the provider.
        first_copy_seconds: From Kafka's return to the first copy at a subscriber, who connects anew.
        caught_up_seconds: From PostgreSQL's return until nothing waited but what had just come.
    """

    seed: int
    rate: float
    phases: dict[str, Phase] = field(default_factory=dict)
    verdict: Verdict = field(default_factory=Verdict)
    webhooks: int = 0
    refused: int = 0
    kafka_seconds: float = 0.0
    database_seconds: float = 0.0
    first_effect_seconds: float = 0.0
    first_copy_seconds: float = 0.0
    caught_up_seconds: float = 0.0
    seconds: float = 0.0

    @property
    def intake_ratio(self) -> float:
        """How much longer the slowest answers take with both away than with both present."""
        return self.phases["both away"].intake_ms[1] / self.phases["both present"].intake_ms[1]


def outage(
    folder: Path,
    seconds: float,
    *,
    rate: float = 20.0,
    seed: int = 1,
    say: Callable[[str], None] = lambda _: None,
    program: tuple[str, ...] = HUB,
) -> Outage:
    """Let both be there, then Kafka be away for so long, then both, then PostgreSQL come back, then Kafka.

    Args:
        folder: An empty one; it keeps the data of every process with its log.
        seconds: How long Kafka alone, then both are away.
        rate: Webhooks a second, from the first to the last moment.
        seed: Names the run; nothing of it is left to chance.
        say: Told now or then how far it is.
        program: What runs in place of the hub.
    """
    began, found = time.monotonic(), Outage(seed, rate)
    with a_server() as server, own_broker(folder / "kafka") as broker:
        with psycopg.connect(f"{server.url}/postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE hub")
        kafka = KafkaPlace(broker.address)
        asyncio.run(kafka.make(*EVERY, partitions=12))
        # One status a reply: as many entries as memory bears over an hour.
        calm = {"statuses": (("delivered", 0.1),)}
        try:
            with a_fleet(folder, f"{server.url}/hub", kafka, waits=SHIPPED, program=program, **calm) as (
                fleet,
                provider,
            ):
                fleet.start(*PROCESSES)
                stretch = _Stretch(folder / "written.jsonl", say)
                with _customers(fleet, provider.environment, rate, stretch.file) as count:
                    _go_through(found, stretch, _Site(fleet, broker, server, kafka), seconds)
                    found.webhooks = count()
                _settle(fleet, stretch, _patience(seconds))
                fleet.stop()
                _judge(found, fleet, kafka, folder, stretch)
        finally:
            shutil.copy(server.folder / "log", folder / "postgresql.log")
    found.seconds = time.monotonic() - began
    return found


@dataclass(frozen=True)
class _Site:
    fleet: Fleet
    broker: Broker
    server: PostgresServer
    kafka: KafkaPlace


@dataclass
class _Stretch:
    """Lets time pass; remembers from when to when what was away.

    Attributes:
        file: What customers have written.
    """

    file: Path
    say: Callable[[str], None]
    times: dict[str, tuple[float, float]] = field(default_factory=dict)

    def last(self, name: str, seconds: float) -> None:
        """Wait for so long, saying so."""
        self.until(name, lambda waited: waited >= seconds, f"of {seconds:g} s", seconds + _PATIENCE_SECONDS)

    def until(self, name: str, done: Callable[[float], bool], what: str, most: float) -> None:
        """Wait until it is done.

        Raises:
            TimeoutError: It is not after ``most`` seconds.
        """
        began, said = time.time(), float("-inf")
        while not done(waited := time.time() - began):
            if waited > most:
                msg = f"{name}: not within {most:g} s: {what}"
                raise TimeoutError(msg)
            if waited - said >= _SAY_SECONDS:
                said = waited
                self.say(f"{name}: {waited:.0f} s {what}")
            time.sleep(0.2)
        self.times[name] = began, time.time()


def _go_through(found: Outage, stretch: _Stretch, site: _Site, seconds: float) -> None:
    quiet = min(max(seconds / 4, 5.0), 120.0)
    # The first messages pay for what is loaded at first use.
    stretch.last("warming up", min(quiet, 10.0))
    stretch.last("both present", quiet)
    ends = asyncio.run(_ends(site.kafka))
    site.broker.stop()
    gone = time.time()
    stretch.last("Kafka away", seconds)
    site.server.stop()
    gone_too = time.time()
    stretch.last("both away", seconds)
    found.database_seconds = time.time() - gone_too
    site.server.start()
    back = time.time()
    stretch.until(
        "PostgreSQL back",
        lambda _: _is_caught_up(site.fleet, stretch.file, found.rate),
        "catching up",
        _patience(seconds),
    )
    found.caught_up_seconds = time.time() - back
    found.first_effect_seconds = min(at for _, _, at in taken(site.fleet.folder / "provider") if at >= back) - back
    found.kafka_seconds = time.time() - gone
    again = time.time()
    site.broker.start()
    back = time.time()
    found.first_copy_seconds = asyncio.run(_first_copy(site.kafka, ends, again)) - back
    stretch.last("both back", quiet)


def _patience(seconds: float) -> float:
    # A backlog that does not shrink at half the rate of its growth, while more comes, is a failure.
    return _PATIENCE_SECONDS + 2 * seconds


def _is_caught_up(fleet: Fleet, file: Path, rate: float) -> bool:
    called = fleet.books.count("effects", "state NOT IN ('intent', 'sending')")
    return called > newest_customer(file) - TOGETHER - rate


def _settle(fleet: Fleet, stretch: _Stretch, patience: float) -> None:
    """Let everything that was said come to its end."""
    customers = _accepted(stretch.file)
    lines = sum(customers.values())
    ends = {
        "heard": ("events", "type = 'hub.message.received.v1'", lines),
        "ticketed": ("tickets", "TRUE", len(customers)),
        "greeted": ("effects", "state IN ('accepted', 'confirmed', 'failed') OR code = 'doubtful'", len(customers)),
    }
    stretch.say(f"settling: {lines} lines of {len(customers)} customers")
    for name, (table, where, count) in ends.items():
        _wait_for(fleet, stretch, patience, name, table, where, count)
    _wait_for(fleet, stretch, patience, "published", "events", "published_at IS NULL", 0, most=True)


def _wait_for(
    fleet: Fleet,
    stretch: _Stretch,
    patience: float,
    name: str,
    table: str,
    where: str,
    count: int,
    *,
    most: bool = False,
) -> None:
    """Wait until there are so many rows, at least or at most; whatever is not there in time is for the judge."""

    def is_so(_: float) -> bool:
        found = fleet.books.count(table, where)
        return found <= count if most else found >= count

    with contextlib.suppress(TimeoutError):
        stretch.until(name, is_so, f"{count} {name}", patience)


def _judge(found: Outage, fleet: Fleet, kafka: KafkaPlace, folder: Path, stretch: _Stretch) -> None:
    """Judge, whatever did not settle."""
    found.verdict.problems += [
        f"{name} left {one.process.wait()}"
        for name, one in fleet.processes.items()
        if one.process and one.process.wait()
    ]
    found.refused = sum(one.status != 200 for one in written(stretch.file))
    if found.refused:
        found.verdict.problems.append(f"{found.refused} webhooks were not answered 2xx")
    replied: dict[int, float] = {}
    replies: Counter[str] = Counter()
    for effect, phone, at in taken(folder / "provider"):
        replies[effect] += 1
        replied.setdefault(int(phone[-8:]), at)
    judge(fleet.database, _accepted(stretch.file), replies, found.verdict)
    asyncio.run(judge_copies(fleet.database, kafka, found.verdict))
    found.phases = {
        name: _measured(stretch, name, replied) for name in ("both present", "Kafka away", "both away", "both back")
    }


def _accepted(file: Path) -> Counter[int]:
    return Counter(one.customer for one in written(file) if one.status == 200)


def _measured(stretch: _Stretch, name: str, replied: Mapping[int, float]) -> Phase:
    start, end = stretch.times[name]
    of_phase = [one for one in written(stretch.file) if start <= one.at < end]
    intake = sorted(1000 * one.seconds for one in of_phase)
    reply = sorted(1000 * (replied[one.customer] - one.at) for one in of_phase if _counts(one, end, replied))
    return Phase(end - start, len(of_phase), _shares(intake), _shares(reply))


def _counts(one: Written, end: float, replied: Mapping[int, float]) -> bool:
    return one.line == 0 and one.at < end - _EDGE_SECONDS and one.customer in replied


def _shares(values: list[float]) -> tuple[float, float]:
    if not values:
        return 0.0, 0.0
    return values[len(values) // 2], values[min(len(values) - 1, len(values) * 99 // 100)]


@contextlib.contextmanager
def _customers(fleet: Fleet, environment: Mapping[str, str], rate: float, file: Path) -> Iterator[Callable[[], int]]:
    """Let customers write until the block ends, or until the number of what they wrote is asked for."""
    wanted = {
        "port": fleet.processes["intake"].webhook_port,
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


async def _ends(kafka: KafkaPlace) -> Mapping[Any, int]:
    async with kafka.reading(*NOUNS) as consumer:
        return dict(await consumer.end_offsets(consumer.assignment()))


async def _first_copy(kafka: KafkaPlace, ends: Mapping[Any, int], since: float) -> float:
    """Return when a subscriber that was far as told gets the first copy that was sent since an instant."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            with contextlib.suppress(KafkaError):
                async with kafka.reading(*NOUNS) as consumer:
                    for place, end in ends.items():
                        consumer.seek(place, end)
                    while True:
                        for records in (await consumer.getmany(timeout_ms=50)).values():
                            if any(record.timestamp >= 1000 * since for record in records):
                                return time.time()
