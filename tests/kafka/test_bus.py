"""What only the Kafka bus has to survive: members that join or leave, brokers that go away, forged records."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from hub.bus.kafka.bus import KafkaBus
from hub.bus.kafka.publisher import KafkaPublisher
from hub.errors import StoreUnavailable
from hub.pipeline.publication import copy_of
from hub.ports import Subscription
from hub.store import publications
from hub.store.sqlite import SqliteStore
from hub.store.transaction import Origin, UnitOfWork
from hub.system import SystemClock
from schemas.operations import PolicyChanged
from schemas.topics import LOG
from tests.contracts.event_bus.kafka import QUICK
from tests.contracts.event_bus.ledger import asked
from tests.contracts.event_bus.workshop import eventually
from tests.kafka.subscriber import EVERY
from tests.kafka.test_topics import settings_of
from tests.support.kafka import KafkaPlace, own_broker
from tests.support.stores import migrated_store

pytestmark = pytest.mark.kafka

SWIFT = QUICK.model_copy(update={"kafka_session_seconds": 2.0, "kafka_stop_seconds": 2.0})


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with migrated_store(tmp_path / "data") as found:
        yield found


class Place:
    """A store, a log of notices, any number of members of one group."""

    def __init__(self, store: SqliteStore, kafka: KafkaPlace) -> None:
        self.store = store
        self.kafka = kafka
        self.settings = settings_of(kafka)
        self.told: list[str] = []
        self.foreign: list[int] = []
        self.trouble: Callable[[Sequence[str]], Awaitable[None]] = _nothing
        self.buses: list[KafkaBus] = []
        self._numbers = itertools.count(1)

    async def member(self, **waits: float) -> KafkaBus:
        """Let one more process join."""

        async def work(keys: Sequence[str]) -> None:
            await self.trouble(keys)
            self.told.extend(keys)

        async def foreign(count: int) -> None:
            self.foreign.append(count)

        bus = KafkaBus(self.store, self.settings, SystemClock(), SWIFT.model_copy(update=waits), foreign=foreign)
        bus.subscribe(Subscription("group", frozenset({PolicyChanged.TYPE}), work))
        await bus.start()
        self.buses.append(bus)
        return bus

    async def state(self, count: int) -> list[str]:
        """State one event each of so many new keys; return the keys."""
        keys = [f"key-{next(self._numbers)}" for _ in range(count)]

        def work(unit: UnitOfWork) -> None:
            tx = unit.begin(Origin(keys[0], "test", "test"))
            for key in keys:
                tx.state(asked(1), key=key)

        await self.store.transact(work, name="test.state")
        return keys

    async def announce(self, count: int) -> list[str]:
        """State events, then publish them."""
        keys = await self.state(count)
        rows = await self.store.read(lambda tx: publications.unpublished(tx, 10_000))
        publisher = KafkaPublisher(self.settings, seconds=20)
        await publisher.open()
        outcomes = await publisher.publish([copy_of(row) for row in rows])
        assert set(outcomes) == {None}
        await publisher.close()
        positions = [row.position for row in rows]
        await self.store.transact(
            lambda unit: publications.mark(unit.begin(Origin("", "test", "test")), positions), name="test.mark"
        )
        return keys

    async def until_told(self, keys: Iterable[str]) -> None:
        wanted = set(keys)

        async def look() -> bool:
            return wanted <= set(self.told)

        await eventually(look, "every key was told of")

    async def close(self) -> None:
        await asyncio.gather(*(bus.stop() for bus in self.buses))


async def _nothing(_: Sequence[str]) -> None:
    return


@pytest.fixture
async def place(store: SqliteStore, kafka: KafkaPlace) -> AsyncIterator[Place]:
    for name in EVERY:
        await kafka.make(name, partitions=4 if name == LOG.name else 1)
    found = Place(store, kafka)
    yield found
    await found.close()


@pytest.mark.feature("OP-04")
async def test_members_come_and_go_while_batches_run_with_nothing_twice_nothing_lost(place: Place) -> None:
    async def slowly(keys: Sequence[str]) -> None:
        await asyncio.sleep(0.05 + 0.002 * len(keys))

    place.trouble = slowly
    await place.member()
    keys: list[str] = []
    for _ in range(5):
        keys += await place.announce(40)
        second = await place.member()
        await eventually(_both_own(place, second), "the second member has partitions")
        keys += await place.announce(40)
        await second.stop()
        place.buses.remove(second)
    await place.until_told(keys)

    counted = Counter(place.told)
    assert set(counted) == set(keys)
    assert {key: count for key, count in counted.items() if count > 1} == {}


def _both_own(place: Place, bus: KafkaBus) -> Callable[[], Awaitable[object]]:
    async def look() -> bool:
        return all(member.owns_something for one in {*place.buses, bus} for member in one.members)

    return look


@pytest.mark.feature("OP-04")
async def test_a_batch_is_committed_after_its_work_never_before(place: Place) -> None:
    begun = asyncio.Event()

    async def absent(_: Sequence[str]) -> None:
        begun.set()
        msg = "the test took the database away"
        raise StoreUnavailable(msg)

    place.trouble = absent
    bus = await place.member()
    keys = await place.announce(20)
    async with asyncio.timeout(20):
        await begun.wait()
    await bus.stop()
    place.buses.remove(bus)
    assert place.told == []

    place.trouble = _nothing
    await place.member()
    await place.until_told(keys)


async def test_a_bug_in_the_work_ends_the_bus_with_its_error(place: Place) -> None:
    async def broken(_: Sequence[str]) -> None:
        msg = "a bug"
        raise ZeroDivisionError(msg)

    place.trouble = broken
    bus = await place.member()
    await place.announce(1)

    with pytest.raises(ZeroDivisionError, match="a bug"):
        async with asyncio.timeout(20):
            await bus.wait()


@pytest.mark.feature("OP-04")
async def test_foreign_and_forged_records_make_nobody_do_anything(place: Place) -> None:
    await place.member()
    before = await place.announce(3)
    await place.until_told(before)
    ids = [dict(record.headers)["ce_id"] for record in await place.kafka.everything(LOG.name)]
    type_ = PolicyChanged.TYPE.encode()
    forged: list[list[tuple[str, bytes | None]]] = [
        [],
        [("ce_id", None), ("ce_type", type_)],
        [("ce_id", b"\xff\xfe"), ("ce_type", type_)],
        [("ce_id", b"ev_" + b"a" * 26), ("ce_type", type_)],
        [("ce_id", b"x" * 100_000), ("ce_type", type_)],
        [("ce_id", b"ev\0"), ("ce_type", type_)],
        [("ce_id", b"'; DROP TABLE events; --"), ("ce_type", b"no.such.type")],
    ]
    producer = AIOKafkaProducer(bootstrap_servers=place.kafka.address)
    await producer.start()
    for headers in forged:
        await producer.send_and_wait(place.kafka.prefix + LOG.name, b"boo", key=b"victim", headers=headers)
    # A true id under another key: what is looked at is the key that the database has.
    await producer.send_and_wait(
        place.kafka.prefix + LOG.name, key=b"victim", headers=[("ce_id", ids[0]), ("ce_type", type_)]
    )
    await producer.stop()
    after = await place.announce(3)
    await place.until_told(after)

    async def all_counted() -> bool:
        return sum(place.foreign) >= len(forged)

    await eventually(all_counted, "the foreign records are counted")
    assert "victim" not in place.told
    assert sum(place.foreign) == len(forged)
    assert set(place.told) == {*before, *after}


async def test_a_group_whose_lag_stands_still_begins_anew(place: Place) -> None:
    bus = await place.member(kafka_stall_seconds=1.0)
    await place.until_told(await place.announce(2))
    (first,) = bus.members
    consumer = first._subscriber.consumer
    consumer.pause(*consumer.assignment())

    keys = await place.announce(5)
    await place.until_told(keys)

    assert bus.members[0] is not first


async def test_a_relay_that_is_behind_lets_groups_look_for_themselves(place: Place) -> None:
    bus = await place.member(kafka_look_seconds=0.1)
    await place.until_told(await place.announce(1))
    await eventually(_is_away(bus, None), "notices come")

    await place.state(5)
    await eventually(_is_away(bus, "the relay is behind"), "what nobody publishes is noticed")

    await place.until_told(await place.announce(1))
    await eventually(_is_away(bus, None), "the backlog is over")


async def test_a_missing_topic_is_said_then_found(store: SqliteStore, kafka: KafkaPlace) -> None:
    place = Place(store, kafka)
    bus = await place.member()
    await eventually(_is_away(bus, "hub topics apply"), "the missing topic is noticed")

    await kafka.make(*EVERY)
    await place.until_told(await place.announce(3))

    assert bus.away is None
    await place.close()


def _is_away(bus: KafkaBus, why: str | None) -> Callable[[], Awaitable[object]]:
    async def look() -> bool:
        return bus.away is None if why is None else why in (bus.away or "")

    return look


@pytest.mark.parametrize("end", ["stop", "kill", "freeze"])
async def test_a_broker_that_goes_away_is_noticed_then_notices_come_again(
    store: SqliteStore, tmp_path: Path, end: str
) -> None:
    with own_broker(tmp_path / "kafka", start=False) as broker:
        place = Place(store, KafkaPlace(broker.address))
        bus = await place.member()
        await eventually(_is_away(bus, "HUB_KAFKA_BOOTSTRAP_SERVERS"), "it is away at the start")
        await asyncio.to_thread(broker.start)
        await place.kafka.make(*EVERY)
        await place.until_told(await place.announce(20))

        await asyncio.to_thread(getattr(broker, end))
        await eventually(_is_away(bus, "HUB_KAFKA_BOOTSTRAP_SERVERS"), "the absence is noticed")
        # The library asks for its metadata without any pause, a whole core, unless it is cured (measured).
        cpu = time.process_time()
        await asyncio.sleep(4.0)
        busy = (time.process_time() - cpu) / 4.0
        assert busy < 0.5, f"an outage keeps {busy:.2f} of a core busy"
        await asyncio.to_thread(broker.thaw if end == "freeze" else broker.start)
        await eventually(_is_away(bus, None), "it is back")
        await place.until_told(await place.announce(20))

        await asyncio.to_thread(broker.kill)
        began = time.monotonic()
        await place.close()
        assert time.monotonic() - began < 4 * SWIFT.kafka_stop_seconds, "a stop does not wait for a broker that is away"
