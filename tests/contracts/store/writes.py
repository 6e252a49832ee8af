"""The store's contract: what is written at the end of a transaction is there for whoever looks before."""

from __future__ import annotations

import pytest
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from hub.ports import Store
from hub.store.tables import counters
from hub.store.transaction import Transaction, UnitOfWork
from tests.contracts.store.base import ADD, CHANGE, SET, Contract, alert, put, tx_of, value

_ALL = select(func.count()).select_from(counters)
_RAISE = update(counters).values(value=counters.c.value + 100)


def count(tx: Transaction) -> int:
    """Return how many counters there are."""
    row = tx.one(_ALL)
    return 0 if row is None else int(row[0])


class WriteContract(Contract):
    """Writes that wait are never missed, whoever looks, in whatever words."""

    async def test_a_look_finds_what_was_written_before_it(self, store: Store) -> None:
        def work(unit: UnitOfWork) -> list[object]:
            tx = tx_of(unit)
            found: list[object] = []
            tx.write(ADD, counter="a", number=1)
            found.append(value(tx, "a"))
            tx.write(CHANGE, counter="a", number=2)
            found.append(tx.all(text("SELECT value FROM counters"))[0].value)
            tx.write(ADD, counter="b", number=3)
            found.append(tx.run(_RAISE))
            tx.write_many(SET, [{"counter": "a", "number": 7}, {"counter": "c", "number": 8}])
            found.append(count(tx))
            return found

        assert await store.transact(work, name="work") == [1, 2, 2, 3]
        assert [await self.value(store, name) for name in "abc"] == [7, 103, 8]

    async def test_a_change_finds_the_row_that_was_new_before_it(self, store: Store) -> None:
        def work(unit: UnitOfWork) -> None:
            tx = tx_of(unit)
            for number, name in enumerate("abcd"):
                tx.write(ADD, counter=name, number=number)
                tx.write(CHANGE, counter=name, number=number + 10)
            tx.write(CHANGE, counter="a", number=99)

        await store.transact(work, name="work")

        assert [await self.value(store, name) for name in "abcd"] == [99, 11, 12, 13]

    async def test_a_write_that_fails_at_the_end_leaves_nothing_of_its_transaction(self, store: Store) -> None:
        await store.transact(put("taken", 1), name="put")

        def work(unit: UnitOfWork) -> None:
            tx = tx_of(unit)
            tx.state(alert("never"), key="k")
            tx.write(ADD, counter="new", number=1)
            tx.write(ADD, counter="taken", number=2)
            tx.write(CHANGE, counter="new", number=3)

        with pytest.raises(IntegrityError):
            await store.transact(work, name="work")

        assert [await self.value(store, name) for name in ("taken", "new")] == [1, None]
        assert await self.log(store) == []
        await store.transact(put("new", 5), name="put")
        assert await self.value(store, "new") == 5

    async def test_a_failed_look_of_a_function_that_goes_on_is_no_commit(self, store: Store) -> None:
        def work(unit: UnitOfWork) -> None:
            tx = tx_of(unit)
            tx.write(insert(counters), name="a", value=1)
            tx.write(insert(counters), name="a", value=2)
            value(tx, "a")

        with pytest.raises(IntegrityError):
            await store.transact(work, name="work")

        assert await self.value(store, "a") is None

    async def test_a_rehearsal_keeps_nothing_of_what_waited(self, store: Store) -> None:
        def work(unit: UnitOfWork) -> int:
            tx_of(unit).write(ADD, counter="a", number=1)
            return count(tx_of(unit))

        assert await store.rehearse(work, name="work") == 1
        assert await self.value(store, "a") is None
