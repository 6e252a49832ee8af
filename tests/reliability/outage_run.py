"""Takes Kafka, then PostgreSQL as well, from a hub at scale under steady load; measures, then judges what is left."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psycopg
from aiokafka.errors import KafkaError

from tests.kafka.subscriber import EVERY, NOUNS
from tests.reliability.outage_books import Verdict, judge, judge_copies, taken
from tests.reliability.outage_phases import Phase, Stretch, accepted, measured
from tests.reliability.reaper import PROCESSES
from tests.reliability.steady import TOGETHER, customers, newest_customer, written
from tests.support.fleet import Fleet, a_fleet
from tests.support.kafka import Broker, KafkaPlace, own_broker
from tests.support.postgres_server import PostgresServer, a_server

HUB: Final = (sys.executable, "-m", "hub")
# Every wait is as shipped: the figures are a customer's.
SHIPPED: Final = {"HUB_LIMITS__DISK_FREE_BYTES": "1"}

_PATIENCE_SECONDS: Final = 180.0


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
                stretch = Stretch(folder / "written.jsonl", say)
                with customers(
                    fleet.processes["intake"].webhook_port, provider.environment, rate, stretch.file
                ) as count:
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


def _go_through(found: Outage, stretch: Stretch, site: _Site, seconds: float) -> None:
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


def _settle(fleet: Fleet, stretch: Stretch, patience: float) -> None:
    """Let everything that was said come to its end."""
    said = accepted(stretch.file)
    lines = sum(said.values())
    ends = {
        "heard": ("events", "type = 'hub.message.received.v1'", lines),
        "ticketed": ("tickets", "TRUE", len(said)),
        "greeted": ("effects", "state IN ('accepted', 'confirmed', 'failed') OR code = 'doubtful'", len(said)),
    }
    stretch.say(f"settling: {lines} lines of {len(said)} customers")
    for name, (table, where, count) in ends.items():
        _wait_for(fleet, stretch, patience, name, table, where, count)
    _wait_for(fleet, stretch, patience, "published", "events", "published_at IS NULL", 0, most=True)


def _wait_for(
    fleet: Fleet,
    stretch: Stretch,
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


def _judge(found: Outage, fleet: Fleet, kafka: KafkaPlace, folder: Path, stretch: Stretch) -> None:
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
    judge(fleet.database, accepted(stretch.file), replies, found.verdict)
    asyncio.run(judge_copies(fleet.database, kafka, found.verdict))
    found.phases = {
        name: measured(stretch, name, replied) for name in ("both present", "Kafka away", "both away", "both back")
    }


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
