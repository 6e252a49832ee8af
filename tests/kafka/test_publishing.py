"""The relay on a real broker: everything arrives in order, whatever the broker goes through."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.conn import AIOKafkaConnection
from aiokafka.protocol.metadata import MetadataRequest

from hub.bus.kafka.publisher import KafkaPublisher
from hub.errors import BrokerUnavailable
from hub.kafka_settings import KafkaSettings
from hub.pipeline.relay import Relay
from hub.services import dead_letters
from hub.settings import Waits
from hub.store import publications
from hub.store.sqlite import SqliteStore
from hub.store.transaction import Origin, UnitOfWork
from schemas.operations import ChannelAlerted
from schemas.topics import LOG
from tests.contracts.event_bus.ledger import asked
from tests.contracts.event_bus.workshop import eventually
from tests.kafka.subscriber import EVERY, NOUNS, hear
from tests.kafka.test_topics import settings_of
from tests.support.clock import FakeClock
from tests.support.kafka import Broker, KafkaPlace, own_broker
from tests.support.ports import free_ports
from tests.support.stores import migrated_store

pytestmark = pytest.mark.kafka

QUICK = Waits(publish_retry_seconds=0.1, publish_look_seconds=0.1, publish_seconds=3, publish_stop_seconds=2)
KEYS = [f"key-{number}" for number in range(6)]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with migrated_store(tmp_path / "data") as found:
        yield found


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with own_broker(tmp_path / "kafka") as found:
        yield found


@contextlib.asynccontextmanager
async def relaying(store: SqliteStore, settings: KafkaSettings, waits: Waits = QUICK) -> AsyncIterator[Relay]:
    relay = Relay(
        store, KafkaPublisher(settings, seconds=waits.publish_seconds), FakeClock(), waits, holder="the relay"
    )
    task = asyncio.create_task(relay.run())
    try:
        yield relay
    finally:
        await relay.stop(task)


class Speaker:
    """States numbered events, each key in turn."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.said = 0

    async def say(self, times: int = 1) -> None:
        for _ in range(times):
            self.said += 1
            number = self.said

            def work(unit: UnitOfWork, number: int = number) -> None:
                tx = unit.begin(Origin(f"speaker-{number}", "test", "test"))
                for key in KEYS:
                    tx.state(asked(number), key=key)

            await self.store.transact(work, name="test.state")

    async def until_published(self, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while (await self.store.read(publications.waiting))[0]:
            assert time.monotonic() < deadline, "every event is published"
            await asyncio.sleep(0.02)

    async def check(self, kafka: KafkaPlace) -> int:
        """Check that subscribers have everything in order; return how many copies came twice."""
        heard = await hear(kafka, *NOUNS)
        numbers = {key: [event.data.version for event in some] for key, some in heard.keys().items()}
        assert numbers == {key: list(range(1, self.said + 1)) for key in KEYS}
        notices = await kafka.everything(LOG.name)
        told = {dict(record.headers)["ce_id"].decode() for record in notices}
        assert told == {event.id for event in heard.events}
        assert {record.value for record in notices} == {None}
        return heard.repeated


async def test_every_event_is_on_its_topic_once_in_order(store: SqliteStore, kafka: KafkaPlace) -> None:
    await kafka.make(*EVERY, partitions=2)
    speaker = Speaker(store)
    await speaker.say(5)
    async with relaying(store, settings_of(kafka)):
        await speaker.say(45)
        await speaker.until_published()

    assert await speaker.check(kafka) == 0


@pytest.mark.parametrize("end", ["stop", "kill", "freeze"])
async def test_a_broker_that_goes_away_under_load_costs_nobody_anything(
    store: SqliteStore, broker: Broker, end: str
) -> None:
    kafka = KafkaPlace(broker.address)
    await kafka.make(*EVERY)
    speaker = Speaker(store)
    async with relaying(store, settings_of(kafka)):
        await speaker.say(20)
        await speaker.until_published()
        under_load = asyncio.create_task(speaker.say(60))
        await asyncio.to_thread(getattr(broker, end))
        await under_load
        # A broker that is told to stop takes leave of its clients first, for long enough to take all of these.
        await speaker.say(5)
        cpu = time.process_time()
        await asyncio.sleep(5.0)
        busy = (time.process_time() - cpu) / 5.0
        assert busy < 0.5, f"an outage keeps {busy:.2f} of a core busy"
        assert (await store.read(publications.waiting))[0] > 0
        await asyncio.to_thread(broker.thaw if end == "freeze" else broker.start)
        await speaker.say(5)
        await speaker.until_published()

    repeated = await speaker.check(kafka)
    assert repeated <= 500, "no more is repeated than one batch"


def _away(relay: Relay, why: str) -> Callable[[], Awaitable[object]]:
    async def look() -> bool:
        return why in (relay.away or "")

    return look


async def test_a_broker_that_comes_later_than_the_hub_is_found(store: SqliteStore, tmp_path: Path) -> None:
    with own_broker(tmp_path / "kafka", start=False) as broker:
        kafka = KafkaPlace(broker.address)
        speaker = Speaker(store)
        async with relaying(store, settings_of(kafka)) as relay:
            await speaker.say(3)
            await eventually(_away(relay, "HUB_KAFKA_BOOTSTRAP_SERVERS"), "the absence is noticed")
            await asyncio.to_thread(broker.start)
            await eventually(_away(relay, "hub topics apply"), "the missing topics are noticed")
            await kafka.make(*EVERY)
            await speaker.until_published()

        assert await speaker.check(kafka) == 0


async def test_a_stop_does_not_wait_for_a_broker_that_is_away(store: SqliteStore, broker: Broker) -> None:
    kafka = KafkaPlace(broker.address)
    await kafka.make(*EVERY)
    speaker = Speaker(store)
    async with relaying(store, settings_of(kafka)):
        await speaker.say(3)
        await speaker.until_published()
        broker.kill()
        await speaker.say(3)
        await asyncio.sleep(0.3)
        began = time.monotonic()
    assert time.monotonic() - began < QUICK.publish_stop_seconds + 5

    await asyncio.to_thread(broker.start)
    async with relaying(store, settings_of(kafka)):
        await speaker.until_published()
    await speaker.check(kafka)


async def test_an_event_too_large_for_kafka_is_a_dead_letter_for_subscribers_alone(
    store: SqliteStore, kafka: KafkaPlace
) -> None:
    await kafka.make(*EVERY, partitions=2)
    speaker = Speaker(store)
    await speaker.say(2)
    await store.transact(lambda unit: _alert(unit, "x" * 2_000_000), name="test.large")
    async with relaying(store, settings_of(kafka)):
        await speaker.say(2)
        await speaker.until_published()

    (letter,) = await store.read(dead_letters.listing)
    assert (letter.scope, letter.reason_class, letter.key) == ("copy", "permanent", "alerts")
    assert "HUB_KAFKA_MAX_MESSAGE_BYTES" in letter.reason
    heard = await hear(kafka, *NOUNS)
    assert {event.type for event in heard.events if event.partitionkey == "alerts"} == set()
    assert {len(some) for key, some in heard.keys().items() if key in KEYS} == {4}


async def test_an_event_that_the_broker_finds_too_large_is_no_different(store: SqliteStore, kafka: KafkaPlace) -> None:
    """The hub believes in more than the broker takes: the producer is broken by the refusal, a new one goes on."""
    await kafka.make(*EVERY, partitions=1)
    speaker = Speaker(store)
    await store.transact(lambda unit: _alert(unit, "x" * 2_000_000), name="test.large")
    await speaker.say(2)
    async with relaying(store, settings_of(kafka, max_message_bytes=4_000_000)):
        await speaker.say(2)
        await speaker.until_published()

    (letter,) = await store.read(dead_letters.listing)
    assert (letter.scope, letter.reason_class, letter.key) == ("copy", "permanent", "alerts")
    heard = await hear(kafka, *NOUNS)
    assert {len(some) for key, some in heard.keys().items() if key in KEYS} == {4}


async def test_nothing_is_waited_for_where_nobody_answers() -> None:
    (port,) = free_ports(1)
    publisher = KafkaPublisher(KafkaSettings(bootstrap_servers=(f"127.0.0.1:{port}",)), seconds=1)

    with pytest.raises(BrokerUnavailable):
        await publisher.open()
    await publisher.close()


async def test_a_broken_producer_is_replaced(kafka: KafkaPlace, store: SqliteStore) -> None:
    """An idempotent producer that once lost count of its records never recovers (measured)."""
    await kafka.make(*EVERY, partitions=1)
    speaker = Speaker(store)
    publisher = KafkaPublisher(settings_of(kafka), seconds=3)
    relay = Relay(store, publisher, FakeClock(), QUICK, holder="one")
    task = asyncio.create_task(relay.run())
    await speaker.say(3)
    await speaker.until_published()
    before = publisher._producer
    assert isinstance(before, AIOKafkaProducer)
    for partition in before.client.cluster.partitions_for_topic(kafka.prefix + LOG.name):
        before._txn_manager.increment_sequence_number(TopicPartition(kafka.prefix + LOG.name, partition), 7)
    await speaker.say(3)
    await speaker.until_published()
    after: Any = publisher._producer
    await relay.stop(task)

    assert after is not before
    await speaker.check(kafka)


def _alert(unit: UnitOfWork, text: str) -> None:
    tx = unit.begin(Origin("alert", "test", "test"))
    tx.state(ChannelAlerted(connector="whatsapp", asset="1", alert="x", explanation_es=text), key="alerts")


async def test_a_start_that_is_called_off_leaves_no_connection_open(
    kafka: KafkaPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    send, asked_on = AIOKafkaConnection.send, []

    async def never_answered(self: Any, request: Any, *args: Any, **more: Any) -> Any:
        if isinstance(request, MetadataRequest):
            asked_on.append(self)
            await asyncio.Event().wait()
        return await send(self, request, *args, **more)

    monkeypatch.setattr(AIOKafkaConnection, "send", never_answered)
    publisher = KafkaPublisher(settings_of(kafka), seconds=0.5)

    with pytest.raises(BrokerUnavailable):
        await publisher.open()

    assert [connection.connected() for connection in asked_on] == [False]
