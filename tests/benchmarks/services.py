"""Gives benchmarks at scale a PostgreSQL with a Kafka of their own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from hub.bus.kafka import topics
from hub.kafka_settings import KafkaSettings, load
from hub.store import publications
from hub.store.postgres import PostgresStore
from hub.store.transaction import Origin, UnitOfWork
from hub.system import SystemClock
from schemas.messages import MessageReceived
from schemas.samples import samples
from tests.support.kafka import KafkaPlace
from tests.support.kafka.absent import KafkaAbsent
from tests.support.kafka.broker import Broker
from tests.support.kafka.libraries import libraries
from tests.support.ports import free_ports
from tests.support.postgres import migrate
from tests.support.postgres_server import NoPostgresError, a_server

_AT_ONCE: Final = 500
_KEYS: Final = 500


class Absent(Exception):
    """A service of this benchmark is not to be had here; its text says why."""


@dataclass(frozen=True)
class Services:
    """Where the two are."""

    url: str
    kafka: KafkaPlace
    settings: KafkaSettings


@contextlib.contextmanager
def services(folder: Path) -> Iterator[Services]:
    """Run both until the block ends.

    Raises:
        Absent: One of them cannot be run here.
    """
    folder.mkdir(parents=True, exist_ok=True)
    logging.getLogger("faststream").setLevel(logging.ERROR)
    try:
        jars = libraries()
        with contextlib.ExitStack() as stack:
            server = stack.enter_context(a_server())
            client, controller = free_ports(2)
            broker = Broker(jars, folder / "kafka", (client, controller))
            stack.callback(broker.kill)
            broker.start()
            with psycopg.connect(f"{server.url}/postgres", autocommit=True) as connection:
                connection.execute("CREATE DATABASE hub")
            url = f"{server.url}/hub"
            migrate(url)
            kafka = KafkaPlace(broker.address)
            settings = load(kafka.environment)
            assert settings is not None
            asyncio.run(topics.apply(settings))
            yield Services(url, kafka, settings)
    except (KafkaAbsent, NoPostgresError) as reason:
        raise Absent(str(reason)) from None


@contextlib.asynccontextmanager
async def a_store(found: Services) -> AsyncIterator[PostgresStore]:
    """Open the database as one process of the hub does, the hub's own wait between looks included."""
    async with PostgresStore(found.url, SystemClock()).running() as store:
        yield store


async def state(store: PostgresStore, count: int, round_: int) -> None:
    """State so many messages of 1 KB each, of five hundred conversations in turn."""
    letters = random.Random(round_)
    text = "".join(letters.choices("abcdefghijklmnopqrstuvwxyz ", k=700))
    sample = samples()[MessageReceived.TYPE].data.model_copy(update={"text": text})

    def some(first: int) -> Callable[[UnitOfWork], None]:
        def work(unit: UnitOfWork) -> None:
            tx = unit.begin(Origin(f"bench-{round_}-{first}", "bench", "bench"))
            for number in range(first, min(first + _AT_ONCE, count)):
                tx.state(sample, key=f"conversation-{number % _KEYS}")

        return work

    for first in range(0, count, _AT_ONCE):
        await store.transact(some(first), name="bench.state")


async def until_published(store: PostgresStore) -> None:
    """Return once subscribers have everything; looking costs next to nothing."""
    while await store.read(lambda tx: publications.unpublished(tx, 1)):  # noqa: ASYNC110 - no event tells
        await asyncio.sleep(0.05)
