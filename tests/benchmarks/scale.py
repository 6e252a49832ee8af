"""Measures a hub by roles on PostgreSQL with Kafka: what one of them being away costs, what two workers carry."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psycopg

from tests.benchmarks.figures import Figure
from tests.benchmarks.place import Place
from tests.kafka.subscriber import EVERY
from tests.reliability.outage_run import SHIPPED, outage
from tests.support.fleet import Fleet, a_fleet
from tests.support.kafka import KafkaPlace, own_broker
from tests.support.postgres_server import PostgresServer, a_server

SAYS: Final = (
    "intake, two workers, effects on PostgreSQL with Kafka: outages at 20 webhooks a second, then all they carry"
)

_CONNECTIONS: Final = 64
_OUTAGES: Final = 6
# Shorter than this nobody's reply would count.
_LEAST_SECONDS: Final = 10.0
_TICKETS: Final = "SELECT count(*) FROM tickets"
_STILL_SECONDS: Final = 120.0


def run(place: Place) -> list[Figure]:
    """Take both away in turns, then send new customers as fast as they are answered."""
    return [*_outages(place), *_carried(place)]


def _outages(place: Place) -> list[Figure]:
    """Go through it once: each figure is a share of a thousand answers, or an instant that comes once."""
    seconds = max(_OUTAGES * place.size.open_seconds, _LEAST_SECONDS)
    found = outage(place.folder / "outage", seconds, say=place.say)
    assert found.verdict.problems == [], found.verdict.problems
    present, away = found.phases["both present"], found.phases["Kafka away"]
    place.say(f"answers p99 {present.intake_ms[1]:.1f} ms with both; {found.verdict.events} events, none lost")
    rounds = {
        "scale.intake_ratio": [found.intake_ratio],
        "scale.reply_p99": [away.reply_ms[1] / 1000],
        "scale.first_effect": [found.first_effect_seconds],
        "scale.first_copy": [found.first_copy_seconds],
    }
    beside = {"present_intake_p99_ms": present.intake_ms[1], "present_reply_p99_ms": present.reply_ms[1]}
    return place.figures(rounds, beside)


def _carried(place: Place) -> list[Figure]:
    count, rates, commits = place.size.messages, [], []
    for number in range(min(place.size.rounds, 3)):
        with _fleet(place, number) as (fleet, server):
            commits.append(_commits_per_second(server, place.size.seconds / 4))
            port = fleet.processes["intake"].webhook_port
            _sent(place, fleet, port, 20, run=f"warm{number}", before=0)
            rates.append(_sent(place, fleet, port, count, run=f"full{number}", before=20))
        place.say(f"round {number + 1}: {rates[-1]:,.0f}/s; PostgreSQL takes {commits[-1]:,.0f} commits/s")
    return place.figures({"scale.rate": rates}, {"postgresql_commits_per_second": sorted(commits)[len(commits) // 2]})


@contextlib.contextmanager
def _fleet(place: Place, number: int) -> Iterator[tuple[Fleet, PostgresServer]]:
    folder = Path(place.folder) / f"carried-{number}"
    with place.bare() as provider, a_server() as server, own_broker(folder / "kafka") as broker:
        with psycopg.connect(f"{server.url}/postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE hub")
        kafka = KafkaPlace(broker.address)
        asyncio.run(kafka.make(*EVERY, partitions=12))
        with a_fleet(folder, f"{server.url}/hub", kafka, waits=SHIPPED) as (fleet, _):
            # Its simulator stays idle: a provider that only answers leaves the cores to the hub.
            settings = {**fleet.environment, **place.environment(provider.port)}
            fleet.environment = {name: one for name, one in settings.items() if "__SANDBOX__" not in name}
            fleet.processes["intake"].environment = fleet.environment
            fleet.start("intake", "worker-1", "worker-2", "effects")
            yield fleet, server


def _sent(place: Place, fleet: Fleet, port: int, count: int, *, run: str, before: int) -> float:
    """Return how many messages a second became tickets, from the first byte sent to the last ticket."""
    first = 80_000_000 if before == 0 else 0
    connections = min(_CONNECTIONS, count)
    with place.client(port, connections=connections, count=count, distinct=count, first=first, run=run) as send:
        found = send()
    assert found["statuses"] == {"200": count}, found["statuses"]
    done, moved = 0, time.monotonic()
    with psycopg.connect(fleet.database, autocommit=True) as connection:
        while done < before + count:
            now = connection.execute(_TICKETS).fetchone()
            assert now is not None
            if now[0] != done:
                done, moved = now[0], time.monotonic()
            assert time.monotonic() - moved < _STILL_SECONDS, f"{done} of {before + count} tickets, nothing moves"
            time.sleep(0.02)
    return count / (time.time() - float(found["began_at"]))


def _commits_per_second(server: PostgresServer, seconds: float) -> float:
    """Return how many rows PostgreSQL takes a second on one connection, each with a commit of its own."""
    with psycopg.connect(f"{server.url}/postgres", autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS baseline (body text)")
        count, started = 0, time.perf_counter()
        while time.perf_counter() - started < seconds:
            connection.execute("INSERT INTO baseline VALUES (repeat('x', 1024))")
            count += 1
        return count / (time.perf_counter() - started)
