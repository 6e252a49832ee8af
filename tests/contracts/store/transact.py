"""The store's contract: one function is one transaction."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy.exc import IntegrityError

from hub.errors import NotFound, StaleVersion
from hub.ports import Commit, Store
from hub.store.train import RehearsalDiffered
from hub.store.transaction import UnitOfWork
from tests.contracts.store.base import ADD, SET, Contract, alert, put, tx_of, value


class TransactContract(Contract):
    """Everything of a function is written, or nothing of it is."""

    async def test_what_the_function_returns_is_the_answer(self, store: Store) -> None:
        def work(unit: UnitOfWork) -> int | None:
            tx = tx_of(unit)
            tx.run(SET, counter="a", number=7)
            return value(tx, "a")

        assert await store.transact(work, name="work") == 7

    async def test_a_read_sees_what_was_answered(self, store: Store) -> None:
        for number in range(50):
            await store.transact(put("a", number), name="put")

            assert await self.value(store, "a") == number

    async def test_what_the_function_raises_is_raised_with_nothing_written(self, store: Store) -> None:
        def work(unit: UnitOfWork) -> None:
            put("a", 1)(unit)
            tx_of(unit).state(alert("never"), key="k")
            msg = "no such thing"
            raise NotFound(msg)

        with pytest.raises(NotFound, match="no such thing"):
            await store.transact(work, name="work")

        assert await self.value(store, "a") is None
        assert await self.log(store) == []

    async def test_a_failing_statement_leaves_nothing_of_its_function(self, store: Store) -> None:
        await store.transact(put("taken", 1), name="put")

        def work(unit: UnitOfWork) -> None:
            put("a", 1)(unit)
            tx_of(unit).run(ADD, counter="taken", number=2)

        with pytest.raises(IntegrityError):
            await store.transact(work, name="work")

        assert (await self.value(store, "a"), await self.value(store, "taken")) == (None, 1)

    async def test_functions_that_come_together_fail_each_for_itself(self, store: Store) -> None:
        def work(number: int) -> int:
            def run(unit: UnitOfWork) -> int:
                put(f"c{number}", number)(unit)
                if number % 3 == 0:
                    raise StaleVersion(str(number))
                return number

            return store.transact(run, name="work")  # type: ignore[return-value]

        answers = await asyncio.gather(*(work(number) for number in range(60)), return_exceptions=True)  # type: ignore[call-overload]

        for number, answer in enumerate(answers):
            if number % 3 == 0:
                assert isinstance(answer, StaleVersion)
                assert await self.value(store, f"c{number}") is None
            else:
                assert answer == number
                assert await self.value(store, f"c{number}") == number

    async def test_an_error_that_futures_refuse_still_reaches_its_caller_alone(self, store: Store) -> None:
        def exhausted(unit: UnitOfWork) -> object:
            return next(iter(()))

        answers = await asyncio.gather(
            store.transact(put("a", 1), name="put"),
            store.transact(exhausted, name="exhausted"),
            store.transact(put("b", 2), name="put"),
            return_exceptions=True,
        )

        assert [type(answer) for answer in answers] == [type(None), RuntimeError, type(None)]
        assert (await self.value(store, "a"), await self.value(store, "b")) == (1, 2)

    async def test_who_is_cancelled_holds_up_nobody(self, store: Store) -> None:
        gone = asyncio.create_task(store.transact(put("a", 1), name="put"))
        await asyncio.sleep(0)
        gone.cancel()

        await store.transact(put("b", 2), name="put")

        with pytest.raises(asyncio.CancelledError):
            await gone
        assert await self.value(store, "b") == 2

    async def test_a_rehearsal_answers_but_writes_nothing(self, store: Store) -> None:
        commits: list[Commit] = []
        store.on_commit(commits.append)

        def work(unit: UnitOfWork) -> int | None:
            put("a", 5)(unit)
            tx_of(unit).state(alert("tried"), key="k")
            tx_of(unit).signal("effects")
            return value(tx_of(unit), "a")

        assert await store.rehearse(work, name="work") == 5
        assert await self.value(store, "a") is None
        assert await self.log(store) == []
        assert commits == []

    async def test_a_function_that_states_something_else_when_run_again_is_refused(self, store: Store) -> None:
        runs: list[int] = []

        def work(unit: UnitOfWork) -> None:
            runs.append(1)
            put("a", 1)(unit)
            tx_of(unit).state(alert(f"run {len(runs)}"), key="k")

        with pytest.raises(RehearsalDiffered, match="work stated something else"):
            await store.transact(work, name="work")

        assert len(runs) == 2
        assert await self.value(store, "a") is None
        assert await self.log(store) == []
