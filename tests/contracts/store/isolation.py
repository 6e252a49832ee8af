"""The store's contract: what one transaction sees of another."""

from __future__ import annotations

import asyncio
import threading

import pytest

from hub.errors import StoreUnavailable
from hub.ports import Store
from hub.store.transaction import Transaction, UnitOfWork
from tests.contracts.store.base import CHANGE, SET, Contract, alert, put, tx_of, value

SECONDS = 10


class IsolationContract(Contract):
    """Readers see snapshots; writers who say what they decide about never overtake each other."""

    async def test_a_read_is_one_snapshot(self, store: Store) -> None:
        await store.transact(put("a", 1), name="put")
        looked, changed = threading.Event(), threading.Event()

        def twice(tx: Transaction) -> tuple[int | None, int | None]:
            before = value(tx, "a")
            looked.set()
            assert changed.wait(SECONDS)
            return before, value(tx, "a")

        reading = asyncio.create_task(store.read(twice))
        assert await asyncio.to_thread(looked.wait, SECONDS)
        await store.transact(put("a", 2), name="put")
        changed.set()

        assert await reading == (1, 1)
        assert await self.value(store, "a") == 2

    async def test_a_read_cannot_write(self, store: Store) -> None:
        with pytest.raises(Exception, match=r"(?i)read.?only") as caught:
            await store.read(lambda tx: tx.run(SET, counter="a", number=1))

        assert not isinstance(caught.value, StoreUnavailable), "trying again would not help"
        assert await self.value(store, "a") is None

    async def test_a_read_cannot_state_facts(self, store: Store) -> None:
        with pytest.raises(TypeError, match="use transact"):
            await store.read(lambda tx: tx.state(alert("lost"), key="k"))

    async def test_an_error_in_a_read_is_raised_as_it_is(self, store: Store) -> None:
        def fail(tx: Transaction) -> None:
            raise LookupError

        with pytest.raises(LookupError):
            await store.read(fail)

        assert await self.value(store, "a") is None

    async def test_no_update_is_lost(self, store: Store) -> None:
        await store.transact(put("a", 0), name="put")

        def add(unit: UnitOfWork) -> None:
            tx = tx_of(unit)
            tx.lock("counter", ["a"])
            tx.run(CHANGE, counter="a", number=(value(tx, "a") or 0) + 1)

        await asyncio.gather(*(store.transact(add, name="add") for _ in range(100)))

        assert await self.value(store, "a") == 100

    async def test_two_who_look_at_each_other_do_not_both_go(self, store: Store) -> None:
        """Write skew: of two on call either may leave, never both."""
        await store.transact(put("ana", 1), name="put")
        await store.transact(put("luis", 1), name="put")

        def leave(name: str, other: str) -> asyncio.Future[bool]:
            def work(unit: UnitOfWork) -> bool:
                tx = tx_of(unit)
                tx.lock("on_call", ["ana", "luis"])
                if value(tx, other) != 1:
                    return False
                tx.run(CHANGE, counter=name, number=0)
                return True

            return asyncio.ensure_future(store.transact(work, name="leave"))

        left = await asyncio.gather(leave("ana", "luis"), leave("luis", "ana"))

        assert sorted(left) == [False, True]

    async def test_capacity_is_never_exceeded(self, store: Store) -> None:
        def take(number: int) -> asyncio.Future[bool]:
            def work(unit: UnitOfWork) -> bool:
                tx = tx_of(unit)
                tx.lock("desk", ["support"])
                taken = value(tx, "taken") or 0
                if taken >= 5:
                    return False
                tx.run(SET, counter="taken", number=taken + 1)
                tx.run(SET, counter=f"place {number}", number=1)
                return True

            return asyncio.ensure_future(store.transact(work, name="take"))

        took = await asyncio.gather(*(take(number) for number in range(40)))

        assert sum(took) == 5
        assert await self.value(store, "taken") == 5
