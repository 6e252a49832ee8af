"""Leases are judged by one clock, whatever time of day each machine has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from hub.pipeline.term import Term
from hub.ports import Store
from hub.store import leases
from hub.store.transaction import Origin
from tests.support.clock import FakeClock
from tests.support.postgres import a_database, running_postgres_store
from tests.support.replying import until
from tests.support.stores import migrated_store

HOUR = timedelta(hours=1)


async def take(store: Store, holder: str, seconds: float = 60) -> bool:
    return await store.transact(
        lambda unit: leases.take(unit.begin(Origin("", "tests", "hub")), "asset:x", holder, seconds), name="tests.lease"
    )


async def outlasts(store: Store, holder: str, seconds: float) -> bool:
    return await store.read(lambda tx: leases.outlasts(tx, "asset:x", holder, seconds))


@pytest.fixture
async def skewed() -> AsyncIterator[tuple[Store, Store]]:
    """Two machines on one PostgreSQL: one is two hours behind the other, neither has the server's time."""
    with a_database() as url:
        async with AsyncExitStack() as stack:
            stores = []
            for skew in (-HOUR, HOUR):
                clock = FakeClock()
                clock.move(skew)
                stores.append(await stack.enter_async_context(running_postgres_store(url, clock)))
            yield stores[0], stores[1]


@pytest.mark.postgres
async def test_machines_whose_clocks_differ_do_not_both_hold_a_lease(skewed: tuple[Store, Store]) -> None:
    behind, ahead = skewed

    assert await take(behind, "behind")
    assert not await take(ahead, "ahead"), "it is two hours later there, yet not a minute has passed"
    assert await outlasts(ahead, "behind", 50), "both judge alike"
    assert not await outlasts(behind, "behind", 61)
    assert not await outlasts(behind, "ahead", 0)


@pytest.mark.postgres
async def test_a_lease_of_a_machine_that_is_ahead_ends_in_time_all_the_same(skewed: tuple[Store, Store]) -> None:
    behind, ahead = skewed
    assert await take(ahead, "ahead", 0.05)

    await until(lambda: take(behind, "behind"), "the lease has ended")

    assert not await outlasts(ahead, "ahead", 0)


async def test_on_sqlite_the_given_clock_decides(tmp_path: Path) -> None:
    clock = FakeClock()
    async with migrated_store(tmp_path, clock) as store:
        assert await take(store, "first")
        assert not await take(store, "second")
        clock.move(timedelta(seconds=60))
        assert await outlasts(store, "first", 0)
        assert not await take(store, "second")
        clock.move(timedelta(seconds=1))
        assert not await outlasts(store, "first", 0)
        assert await take(store, "second")


@pytest.mark.parametrize(("wall", "steady", "left"), [(10, 10, 50), (-3600, 10, 50), (3600, 10, 0), (61, 0, 0)])
def test_a_term_counts_the_most_that_either_clock_tells(wall: float, steady: float, left: float) -> None:
    clock = FakeClock()
    term = Term(clock)
    assert term.left_seconds == 0
    term.begin(term.ask(), 60)

    clock._now += timedelta(seconds=wall)
    clock._monotonic += steady

    assert term.left_seconds == left
    term.end()
    assert term.left_seconds == 0
