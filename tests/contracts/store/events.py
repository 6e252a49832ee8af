"""The store's contract: facts are written with the state that they speak of."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError

from hub.ports import Commit, Notice, Store
from hub.store import events
from hub.store.tables import events as table
from hub.store.transaction import UnitOfWork
from schemas import ids
from schemas.operations import ChannelAlerted
from tests.contracts.store.base import LOG, Contract, alert, put, tx_of, value
from tests.support.clock import FakeClock


class EventContract(Contract):
    """The outbox is the same transaction, in the order of statement."""

    async def test_a_fact_is_written_with_its_state_in_order(self, store: Store, clock: FakeClock) -> None:
        def work(unit: UnitOfWork) -> None:
            tx = tx_of(unit)
            tx.state(alert("first"), key="k1", subject="s")
            put("a", 1)(unit)
            tx.state(alert("second"), key="k2")

        await store.transact(work, name="work")

        rows = await store.read(lambda tx: tx.all(LOG))
        assert [(row.key, row.subject, row.type) for row in rows] == [
            ("k1", "s", ChannelAlerted.TYPE),
            ("k2", None, ChannelAlerted.TYPE),
        ]
        assert rows[0].position < rows[1].position
        assert rows[0].id == ids.derived_event_id("cause", "contract", ChannelAlerted.TYPE, 0)
        assert rows[1].id == ids.derived_event_id("cause", "contract", ChannelAlerted.TYPE, 1)
        assert rows[0].time == rows[0].receivedat == clock.now()
        assert rows[0].causation == "cause"
        assert events.envelope(rows[0]).data == alert("first")

    async def test_a_fact_that_was_stated_before_takes_nothing_with_it(self, store: Store) -> None:
        def work(number: int) -> asyncio.Future[None]:
            def run(unit: UnitOfWork) -> None:
                put(f"a{number}", 1)(unit)
                tx_of(unit, "x").state(alert("once"), key="k", id="ev_same")

            return asyncio.ensure_future(store.transact(run, name="work"))

        answers = await asyncio.gather(*(work(number) for number in range(5)), return_exceptions=True)

        assert sorted(type(answer).__name__ for answer in answers) == ["IntegrityError"] * 4 + ["NoneType"]
        assert await self.log(store) == ["once"]
        written = [await self.value(store, f"a{number}") for number in range(5)]
        assert sorted(written, key=str) == [1, None, None, None, None]

    async def test_positions_grow_with_the_order_of_commits(self, store: Store) -> None:
        for number in range(10):
            await store.transact(
                lambda unit, n=number: tx_of(unit, str(n)).state(alert(str(n)), key="k"),  # type: ignore[misc]
                name="state",
            )

        assert await self.log(store) == [str(number) for number in range(10)]

    async def test_a_position_is_never_used_again(self, store: Store) -> None:
        def state(cause: str) -> asyncio.Future[object]:
            return asyncio.ensure_future(
                store.transact(lambda unit: tx_of(unit, cause).state(alert(cause), key="k"), name="state")
            )

        await state("first")
        (first,) = await store.read(lambda tx: tx.all(LOG))
        await store.transact(lambda unit: tx_of(unit).run(delete(table)), name="delete")
        await state("second")

        (second,) = await store.read(lambda tx: tx.all(LOG))
        assert second.position > first.position

    async def test_projections_are_part_of_the_transaction(self, store: Store) -> None:
        def two(unit: UnitOfWork) -> None:
            tx_of(unit, "a").state(alert("1"), key="k")
            tx_of(unit, "b").state(alert("2"), key="k")

        await store.transact(two, name="two")
        with pytest.raises(IntegrityError):
            await store.transact(two, name="two")

        assert await self.value(store, "alerts") == 2

    async def test_a_projection_sees_the_state_that_its_fact_speaks_of(self, store: Store) -> None:
        """Facts are written at the end: what the function wrote before is there."""

        def work(unit: UnitOfWork) -> None:
            tx_of(unit).state(alert("1"), key="k")
            put("alerts", 10)(unit)

        await store.transact(work, name="work")

        assert await self.value(store, "alerts") == 11

    async def test_each_commit_tells_what_it_touched(self, store: Store) -> None:
        commits: list[Commit] = []
        store.on_commit(commits.append)

        def good(unit: UnitOfWork) -> None:
            tx_of(unit, "good").state(alert("1"), key="k1", subject="s")
            tx_of(unit, "good too").state(alert("2"), key="k2")
            tx_of(unit).signal("effects")

        def bad(unit: UnitOfWork) -> None:
            tx_of(unit, "bad").state(alert("3"), key="k3")
            tx_of(unit).signal("timers")
            raise ValueError

        await asyncio.gather(
            store.transact(bad, name="bad"),
            store.transact(good, name="good"),
            store.transact(lambda unit: value(tx_of(unit), "a"), name="nothing"),
            return_exceptions=True,
        )
        await self.value(store, "a")

        told = [notice for commit in commits for notice in commit.notices]
        assert told == [Notice("k1", ChannelAlerted.TYPE, "s"), Notice("k2", ChannelAlerted.TYPE, None)]
        assert {signal for commit in commits for signal in commit.signals} == {"effects"}

    async def test_a_listener_that_fails_silences_no_other(self, store: Store) -> None:
        commits: list[Commit] = []

        def fail(commit: Commit) -> None:
            msg = "broken listener"
            raise RuntimeError(msg)

        store.on_commit(fail)
        store.on_commit(commits.append)

        await store.transact(lambda unit: tx_of(unit).state(alert("1"), key="k"), name="state")
        await self.value(store, "a")

        assert len(commits) == 1
