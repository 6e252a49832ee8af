"""Subscribers get every event, in order per key, after its commit, whatever the broker does."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from hub.errors import Permanent
from hub.pipeline.redrive import Redriver
from hub.pipeline.relay import Relay
from hub.services import dead_letters
from hub.settings import Waits
from hub.store import leases, publications
from hub.store.tables import events
from hub.store.transaction import Origin, UnitOfWork
from schemas.binary_mode import decode
from schemas.operations import PolicyChanged, TimerFired
from tests.contracts.event_bus.ledger import asked
from tests.contracts.event_bus.workshop import eventually
from tests.pipeline.scripted_publisher import ScriptedPublisher, lost
from tests.support.clock import FakeClock
from tests.support.stores import migrated_store
from tests.support.unreliable_store import Fault, UnreliableStore, in_turn

QUICK = Waits(publish_retry_seconds=0.01, publish_look_seconds=0.02, lease_seconds=0.3, store_retry_seconds=0.01)
_causes = itertools.count()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[UnreliableStore]:
    async with migrated_store(tmp_path) as reliable:
        yield UnreliableStore(reliable)


@pytest.fixture
def publisher() -> ScriptedPublisher:
    return ScriptedPublisher()


@contextlib.asynccontextmanager
async def relaying(store: UnreliableStore, publisher: ScriptedPublisher, holder: str = "one") -> AsyncIterator[Relay]:
    relay = Relay(store, publisher, FakeClock(), QUICK, holder=holder)
    task = asyncio.create_task(relay.run())
    try:
        yield relay
    finally:
        await relay.stop(task)


async def state(store: UnreliableStore, *said: tuple[str, int]) -> None:
    origin = Origin(f"relay-{next(_causes)}", "test", "test")

    def work(unit: UnitOfWork) -> None:
        tx = unit.begin(origin)
        for key, number in said:
            tx.state(asked(number), key=key)

    await store.reliable.transact(work, name="test.state")


async def all_published(store: UnreliableStore, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while (await store.reliable.read(publications.waiting))[0]:
        assert time.monotonic() < deadline, "every event is published"
        await asyncio.sleep(0.005)


def heard(publisher: ScriptedPublisher) -> dict[str, list[int]]:
    """Return what a subscriber heard by key."""
    found: dict[str, list[int]] = {}
    for copy in publisher.taken:
        event = decode(copy.headers, copy.value)
        assert event.partitionkey.encode() == copy.key
        if event.type == PolicyChanged.TYPE:
            found.setdefault(event.partitionkey, []).append(event.data.version)
    return found


async def test_what_is_stated_is_published_in_order_with_its_topic(
    store: UnreliableStore, publisher: ScriptedPublisher
) -> None:
    await state(store, ("a", 1), ("b", 1))
    async with relaying(store, publisher):
        await state(store, ("a", 2), ("b", 2))
        await all_published(store)

    assert heard(publisher) == {"a": [1, 2], "b": [1, 2]}
    assert {copy.topic for copy in publisher.taken} == {PolicyChanged.TOPIC.name}
    assert dict(publisher.taken[0].notice).keys() == {"ce_specversion", "ce_id", "ce_source", "ce_type"}


async def test_a_timers_question_concerns_our_own_groups_alone(
    store: UnreliableStore, publisher: ScriptedPublisher
) -> None:
    def ask(unit: UnitOfWork) -> None:
        tx = unit.begin(Origin("timer", "test", "test"))
        tx.state(TimerFired(group="g", name="n", generation=1, due=tx.now), key="a", subject="g")

    await store.transact(ask, name="test.ask")
    async with relaying(store, publisher):
        await all_published(store)

    assert [copy.topic for copy in publisher.taken] == [None]


async def test_a_failed_copy_is_sent_again_with_all_behind_it_in_its_key(
    store: UnreliableStore, publisher: ScriptedPublisher
) -> None:
    await state(store, ("a", 1), ("b", 1), ("a", 2), ("b", 2), ("a", 3))
    refusals = iter([lost()])
    publisher.verdict = lambda copy: (
        next(refusals, None) if b'"version":2,' in copy.value and copy.key == b"a" else None
    )

    async with relaying(store, publisher):
        await all_published(store)

    assert heard(publisher) == {"a": [1, 2, 3], "b": [1, 2]}
    assert publisher.lives == 2, "a connection that failed once is not used again"


@pytest.mark.parametrize("seed", range(4))
async def test_order_holds_through_lost_answers_outages_and_an_unreliable_database(
    store: UnreliableStore, publisher: ScriptedPublisher, seed: int
) -> None:
    chance = random.Random(seed)
    publisher.verdict = lambda copy: lost() if chance.random() < 0.05 else None
    publisher.takes_what_it_does_not_answer = lambda: chance.random() < 0.5
    keys = [f"key-{number}" for number in range(7)]
    async with relaying(store, publisher):
        for number in range(1, 31):
            await state(store, *((key, number) for key in keys))
            publisher.away = chance.random() < 0.3
            faults: list[Fault] = [None, None, None, None, None, None, "before", "after"]
            store.fault = in_turn(*chance.sample(faults, k=3))
            await asyncio.sleep(chance.choice([0, 0.001, 0.01]))
        publisher.away, publisher.verdict = False, lambda copy: None
        await all_published(store)

    for key in keys:
        firsts = list(dict.fromkeys(heard(publisher)[key]))
        assert firsts == list(range(1, 31)), "whoever drops copies by id sees each once in order"


async def test_what_was_acknowledged_is_not_sent_again_when_the_database_is_away_meanwhile(
    store: UnreliableStore, publisher: ScriptedPublisher
) -> None:
    await state(store, *((f"k{number}", 1) for number in range(20)))

    def database_goes(_: object) -> None:
        store.fault = in_turn("before", "before", "after", "before")

    publisher.verdict = database_goes
    async with relaying(store, publisher):
        await all_published(store)

    assert len(publisher.taken) == 20


async def test_a_copy_that_kafka_never_takes_is_a_dead_letter_not_a_stop(
    store: UnreliableStore, publisher: ScriptedPublisher
) -> None:
    await state(store, ("a", 1), ("a", 2), ("b", 1), ("a", 3))
    publisher.verdict = lambda copy: (
        Permanent("too large") if copy.key == b"a" and b'"version":2,' in copy.value else None
    )
    async with relaying(store, publisher):
        await all_published(store)
        (letter,) = await store.read(dead_letters.listing)
        assert (letter.scope, letter.group, letter.key, letter.reason_class) == (
            "copy",
            "subscribers",
            "a",
            "permanent",
        )
        assert letter.reason == "Permanent: too large"
        publisher.verdict = lambda copy: None
        await store.transact(lambda unit: publications.forget(_tx(unit), letter.item), name="test.again")
        await all_published(store)

    numbers = [copy for copy in publisher.taken if copy.key == b"a"]
    assert [decode(copy.headers, copy.value).data.version for copy in numbers][-2:] == [3, 2]
    assert 1 in publisher.calls, "it was certain only when it went alone"


async def test_an_event_of_newer_code_is_a_dead_letter(store: UnreliableStore, publisher: ScriptedPublisher) -> None:
    await state(store, ("a", 1), ("a", 2))
    spoil = update(events).where(events.c.position == 1).values(type="hub.parcel.lost.v9")
    await store.transact(lambda unit: _tx(unit).run(spoil), name="test.spoil")

    async with relaying(store, publisher):
        await all_published(store)

    (letter,) = await store.read(dead_letters.listing)
    assert (letter.scope, letter.reason_class, letter.type) == ("copy", "unreadable", "hub.parcel.lost.v9")
    assert heard(publisher)["a"] == [2]


async def test_one_relay_is_active_at_a_time(store: UnreliableStore) -> None:
    first, second = ScriptedPublisher(), ScriptedPublisher()
    async with relaying(store, second, "two"):
        await state(store, ("a", 1))
        await all_published(store)
        async with relaying(store, first, "one"):
            await state(store, ("a", 2))
            await all_published(store)
            assert first.lives == 0

    assert heard(second) == {"a": [1, 2]}


async def test_a_relay_that_loses_its_lease_sends_no_more(store: UnreliableStore, publisher: ScriptedPublisher) -> None:
    publisher.gate.clear()
    await state(store, ("a", 1))
    async with relaying(store, publisher) as relay:
        await eventually(_called(publisher), "the relay sends")

        def steal(unit: UnitOfWork) -> None:
            tx = _tx(unit)
            leases.give_back(tx, "relay", "one")
            leases.take(tx, "relay", "two", 1000)

        await store.transact(steal, name="test.steal")
        relay._term.end()
        await eventually(_closed(publisher), "the relay lets go")
        publisher.gate.set()

    assert publisher.taken == []
    assert (await store.read(publications.waiting))[0] == 1


async def test_a_stop_does_not_wait_for_a_broker_that_hangs(
    store: UnreliableStore, publisher: ScriptedPublisher
) -> None:
    publisher.gate.clear()
    await state(store, ("a", 1))
    began = time.monotonic()
    relay = Relay(store, publisher, FakeClock(), Waits(publish_stop_seconds=0.05), holder="one")
    task = asyncio.create_task(relay.run())
    await eventually(_called(publisher), "the relay sends")

    await relay.stop(task)

    assert time.monotonic() - began < 5
    assert not publisher.is_open
    assert (await store.read(publications.waiting))[0] == 1


def _called(publisher: ScriptedPublisher) -> Callable[[], Awaitable[object]]:
    async def look() -> bool:
        return bool(publisher.calls)

    return look


def _closed(publisher: ScriptedPublisher) -> Callable[[], Awaitable[object]]:
    async def look() -> bool:
        return not publisher.is_open

    return look


def _tx(unit: UnitOfWork) -> Any:
    return unit.begin(Origin("", "test", "test"))


async def test_a_redriven_copy_is_sent_again(store: UnreliableStore, publisher: ScriptedPublisher) -> None:
    await state(store, ("a", 1))
    publisher.verdict = lambda copy: Permanent("too large")
    async with relaying(store, publisher):
        await all_published(store)
        (letter,) = await store.read(dead_letters.listing)
        assert letter.item not in {dict(copy.headers).get("ce_subject") for copy in publisher.taken}, (
            "no letter of letters"
        )
        publisher.verdict = lambda copy: None
        assert await Redriver(store, {}, {}).redrive(letter.id, "staff:1") is None
        await all_published(store)

    assert heard(publisher)["a"] == [1]
    assert await store.read(dead_letters.listing) == []
