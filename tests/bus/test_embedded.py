"""The embedded bus forgets nothing that it did not put into its memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from hub.bus import embedded
from hub.bus.embedded import EmbeddedBus
from hub.errors import StoreUnavailable
from hub.ports import Commit, Notice, Subscription
from hub.store import groups
from hub.store.transaction import Origin, Transaction
from schemas.operations import TimerFired
from tests.contracts.event_bus.ledger import Asked, asked
from tests.contracts.event_bus.workshop import eventually
from tests.support.clock import FakeClock
from tests.support.stores import migrated, running_store
from tests.support.unreliable_store import Fault, UnreliableStore


class Office:
    """A bus with one group whose work the test does."""

    def __init__(self, store: UnreliableStore) -> None:
        """Subscribe."""
        self.store = store
        self.bus = EmbeddedBus(store, retry_seconds=0.001)
        self.told: list[str] = []
        self.work: Callable[[Sequence[str]], Any] = lambda _keys: None
        self.bus.subscribe(Subscription("group", frozenset({Asked.TYPE}), self._work))
        self.feed = self.bus._feeds["group"]

    async def _work(self, keys: Sequence[str]) -> None:
        result = self.work(keys)
        if result is not None:
            await result
        self.told += keys
        await self.store.reliable.transact(
            lambda unit: groups.advance(unit.begin(Origin("", "group", "hub")), "group", dict.fromkeys(keys, 2**40)),
            name="group",
        )

    async def state(self, *keys: str) -> None:
        """State an event for each key."""

        def work(unit: Any) -> None:
            tx = unit.begin(Origin("-".join(keys), "test", "test"))
            for key in keys:
                tx.state(asked(1), key=key)

        await self.store.reliable.transact(work, name="test")

    async def all_told(self, *keys: str) -> None:
        """Return once the group was told of these keys."""

        async def told() -> bool:
            return set(keys) <= set(self.told)

        await eventually(told, f"the group hears of {sorted(set(keys) - set(self.told))[:5]}")


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with running_store(migrated(tmp_path), FakeClock()) as store:
        await store.transact(lambda unit: groups.add(_tx(unit), "group", 0), name="join")
        office = Office(UnreliableStore(store))
        yield office
        await office.bus.stop()


def _tx(unit: Any) -> Transaction:
    tx: Transaction = unit.begin(Origin("", "test", "hub"))
    return tx


async def test_keys_that_do_not_fit_the_memory_are_read_from_the_table(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "_MOST_KEYS", 5)
    monkeypatch.setattr(embedded, "_REFILL", 3)
    monkeypatch.setattr(embedded, "_AT_ONCE", 2)
    held_up = asyncio.Event()
    office.work = lambda _keys: held_up.wait()
    await office.bus.start()
    keys = [f"key-{number}" for number in range(40)]

    for key in keys:
        await office.state(key)
    assert len(office.feed.keys) <= 5
    held_up.set()

    await office.all_told(*keys)


async def test_what_another_process_states_during_a_look_is_not_overlooked(office: Office) -> None:
    """The look found nothing; what came meanwhile must make it look again."""
    await office.bus.start()
    await asyncio.sleep(0.02)
    office.store.deaf = True
    real_read = office.store.read
    looks = 0

    async def read(fn: Any) -> Any:
        nonlocal looks
        result = await real_read(fn)
        looks += 1
        if looks == 2:
            # Behind the last read of this look, before the bus has drawn its conclusion.
            await office.state("late")
            office.bus._committed(Commit((), frozenset({"elsewhere"})))
        return result

    office.store.read = read  # type: ignore[method-assign]
    office.bus._committed(Commit((), frozenset({"elsewhere"})))

    await office.all_told("late")


async def test_a_look_that_the_database_refuses_is_made_again(office: Office) -> None:
    await office.bus.start()
    await asyncio.sleep(0.02)
    office.store.deaf = True
    await office.state("a")
    faults: Iterator[Fault] = iter(["before", "before", None, "after"])
    office.store.fault = lambda: next(faults, None)

    office.bus._committed(Commit((), frozenset({"elsewhere"})))

    await office.all_told("a")


async def test_keys_whose_work_failed_for_want_of_a_database_are_brought_again_first(office: Office) -> None:
    failures = iter([True, True, False])
    order: list[list[str]] = []

    def work(keys: Sequence[str]) -> None:
        order.append(list(keys))
        if next(failures, False):
            msg = "away"
            raise StoreUnavailable(msg)

    office.work = work
    await office.state("a", "b")
    await office.bus.start()

    await office.all_told("a", "b")
    assert order == [["a", "b"]] * 3


async def test_a_notice_during_the_work_on_its_key_is_news(office: Office) -> None:
    again = iter([True, False])

    def work(keys: Sequence[str]) -> None:
        if next(again, False):
            office.bus._committed(Commit((Notice("a", Asked.TYPE, None),), frozenset()))

    office.work = work
    await office.state("a")
    await office.bus.start()

    async def twice() -> bool:
        return office.told == ["a", "a"]

    await eventually(twice, "the key is brought again")


async def test_other_types_wake_nobody(office: Office) -> None:
    await office.bus.start()
    await asyncio.sleep(0.02)

    office.bus._committed(Commit((Notice("a", "hub.other.v1", None),), frozenset({"effects"})))
    await asyncio.sleep(0.02)

    assert office.told == []


async def test_a_timer_of_another_group_wakes_nobody(office: Office) -> None:
    office.bus.subscribe(Subscription("other", frozenset({TimerFired.TYPE}), office._work))

    office.bus._committed(Commit((Notice("a", TimerFired.TYPE, "group"),), frozenset()))
    assert not office.bus._feeds["other"].keys
    office.bus._committed(Commit((Notice("a", TimerFired.TYPE, "other"),), frozenset()))
    assert list(office.bus._feeds["other"].keys) == ["a"]


async def test_what_breaks_the_work_breaks_the_bus_where_it_is_seen(office: Office) -> None:
    def work(_keys: Sequence[str]) -> None:
        msg = "a bug"
        raise LookupError(msg)

    office.work = work
    await office.state("a")
    await office.bus.start()

    with pytest.raises(LookupError):
        await office.bus.wait()


async def test_a_stopped_bus_ends_its_wait_and_can_start_again(office: Office) -> None:
    await office.bus.start()
    waiting = asyncio.create_task(office.bus.wait())
    await asyncio.sleep(0)
    await office.bus.stop()
    await waiting
    await office.state("a")

    await office.bus.start()

    await office.all_told("a")


async def test_a_bus_is_subscribed_to_before_it_starts(office: Office) -> None:
    await office.bus.start()

    with pytest.raises(RuntimeError, match="before the bus starts"):
        office.bus.subscribe(Subscription("late", frozenset(), office._work))
