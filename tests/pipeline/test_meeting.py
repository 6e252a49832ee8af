"""Workers that meet at a key, or whose transactions meet, pass over nothing."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from hub.errors import StoreConflict
from hub.pipeline.consumer import Upkeep
from hub.store import locks
from hub.store.postgres import ATTEMPTS
from hub.store.transaction import KEY, Origin, Transaction, UnitOfWork
from tests.contracts.event_bus.embedded_on_postgres import PostgresWorkshop
from tests.contracts.event_bus.ledger import Ledger
from tests.support.postgres import a_database, running_postgres_store

pytestmark = pytest.mark.postgres

_DEADLOCK = text("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40P01'; END $$")


@pytest.fixture
def url() -> Iterator[str]:
    with a_database() as found:
        yield found


@pytest.fixture
async def workshop(url: str) -> AsyncIterator[PostgresWorkshop]:
    place = PostgresWorkshop(url)
    yield place
    await place.close()


@contextlib.contextmanager
def in_hand(url: str, *keys: str) -> Iterator[None]:
    """Hold keys as another process does: in a transaction that stays open, of which nothing is heard."""
    with psycopg.connect(url) as connection:
        for key in keys:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [locks.number(KEY, key)])
        yield


async def test_a_key_in_other_hands_is_left_while_the_others_go_on(workshop: PostgresWorkshop, url: str) -> None:
    await workshop.open(Ledger(answers=False).handler, bus=False)
    await workshop.state(*[(key, number) for number in (1, 2) for key in "abc"])
    consumer = workshop.consumers["ledger"]

    with in_hand(url, "b"):
        await consumer.work(["a", "b", "c"])

        assert await workshop.written() == {"a": [1, 2], "c": [1, 2]}
        assert consumer.left == {"b"}
    await consumer.work_left()

    assert await workshop.written() == {"a": [1, 2], "b": [1, 2], "c": [1, 2]}
    assert consumer.left == set()


async def test_a_key_that_is_free_again_soon_is_waited_for(workshop: PostgresWorkshop, url: str) -> None:
    await workshop.open(Ledger(answers=False).handler, bus=False)
    await workshop.state(("a", 1), ("b", 1))
    consumer = workshop.consumers["ledger"]
    with contextlib.ExitStack() as stack:
        stack.enter_context(in_hand(url, "a"))
        looked = consumer._all_of

        async def look(keys: Any) -> list[str]:
            found = await looked(keys)
            stack.close()
            return found

        consumer._all_of = look  # type: ignore[method-assign]
        await consumer.work(["a", "b"])

    assert await workshop.written() == {"a": [1], "b": [1]}
    assert consumer.left == set()


async def test_whoever_cares_for_the_group_tries_what_was_left(workshop: PostgresWorkshop, url: str) -> None:
    await workshop.open(Ledger(answers=False).handler, bus=False)
    await workshop.state(("a", 1))
    with in_hand(url, "a"):
        consumer = workshop.consumers["ledger"]
        await consumer.work(["a"])
        assert await workshop.written() == {}
    await Upkeep(consumer).look_after()

    assert await workshop.written() == {"a": [1]}


async def test_a_rehearsal_gets_no_other_keys_than_its_repetition(url: str) -> None:
    """A key that becomes free in between would make the two differ."""
    async with running_postgres_store(url, rehearse=True) as store:
        got: list[set[str]] = []
        with contextlib.ExitStack() as stack:
            stack.enter_context(in_hand(url, "a"))

            def work(unit: UnitOfWork) -> None:
                got.append(_tx(unit).try_lock(KEY, ["a", "b"]))
                stack.close()

            await store.transact(work, name="work")

    assert got == [{"b"}, {"b"}]


async def test_a_batch_that_meets_others_each_time_is_taken_apart(workshop: PostgresWorkshop) -> None:
    """The first five times all together, then each event in a transaction of its own."""
    sizes = Counter[int]()

    class Meeting(Ledger):
        def _handle(self, event: Any, tx: Transaction, ports: Any) -> None:
            sizes[id(tx._unit)] += 1
            kept.append(tx._unit)
            if sizes[id(tx._unit)] > 1:
                tx.run(_DEADLOCK)
            super()._handle(event, tx, ports)

    kept: list[Any] = []
    await workshop.open(Meeting(answers=False).handler, bus=False)
    await workshop.state(("a", 1), ("b", 1), ("a", 2), ("b", 2))

    await workshop.consumers["ledger"].work(["a", "b"])

    assert await workshop.written() == {"a": [1, 2], "b": [1, 2]}
    assert await workshop.letters() == await workshop.held() == []
    assert sum(count > 1 for count in sizes.values()) == ATTEMPTS


async def test_a_transaction_that_always_meets_others_says_so(url: str) -> None:
    async with running_postgres_store(url, rehearse=False) as store:
        with pytest.raises(StoreConflict):
            await store.transact(lambda unit: _tx(unit).run(_DEADLOCK), name="deadlock")


def _tx(unit: UnitOfWork) -> Transaction:
    return unit.begin(Origin("", "test", "test"))
