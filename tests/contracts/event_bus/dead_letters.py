"""What is given up on stands where a person sees it, with all that is known of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from hub.errors import Permanent, Transient, Unreadable
from hub.services.dead_letters import NEXT_STEPS_ES
from hub.settings import Waits
from hub.store.tables import events
from hub.store.transaction import Origin, UnitOfWork
from schemas.ids import instant_prefix
from schemas.operations import DeadLetterAdded
from tests.contracts.event_bus.ledger import Ledger, failing
from tests.contracts.event_bus.workshop import Workshop

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class UntellableError(Exception):
    """An error that cannot even say what it is."""

    def __str__(self) -> str:
        """Fail."""
        msg = "no words"
        raise RuntimeError(msg)


class DeadLetters:
    """The end of the ladder."""

    @pytest.mark.feature("OP-09")
    async def test_an_event_that_keeps_failing_becomes_a_letter_that_says_everything(self, workshop: Workshop) -> None:
        await workshop.open(Ledger(trouble=failing(("a", 1))).handler)
        await workshop.state(("a", 1), traceparent=TRACE)
        await workshop.state(("a", 2), ("b", 1))
        await workshop.quiet()
        began = workshop.clock.now()

        await self._wait_out_the_ladder(workshop)

        (letter,) = await workshop.letters()
        failed = await self._event(workshop, letter.item)
        assert (letter.group, letter.type, letter.key, letter.state) == ("ledger", failed.type, "a", "open")
        assert letter.reason_class == "ours"
        assert letter.reason == "ValueError: broken"
        assert letter.owner == "support"
        assert letter.next_step_es == NEXT_STEPS_ES["ours"]
        assert letter.origin == f"hub.log position {failed.position}"
        ages = [0, 1, 11, 71, 371, 2171]
        assert [one["at"] for one in letter.attempts] == [(began + timedelta(seconds=s)).isoformat() for s in ages]
        assert {one["error"] for one in letter.attempts} == {"ValueError: broken"}
        assert all(":" in one["where"] and one["where"].endswith(" trouble") for one in letter.attempts)
        assert await workshop.written() == {"a": [2], "b": [1]}, "the key goes on, nothing of the failed event is left"

    @pytest.mark.feature("OP-09")
    async def test_a_letter_is_an_event_of_the_same_trace(self, workshop: Workshop) -> None:
        await workshop.open(Ledger(trouble=failing(("a", 1), error=lambda: Permanent("never"))).handler)

        await workshop.state(("a", 1), traceparent=TRACE)
        await workshop.quiet()

        (letter,) = await workshop.letters()
        query = select(events).where(events.c.type == DeadLetterAdded.TYPE)
        (added,) = await workshop.store.read(lambda tx: tx.all(query))
        assert added.traceparent == TRACE
        assert added.causation == letter.item
        (cause,) = await workshop.store.read(lambda tx: tx.all(select(events).where(events.c.id == letter.item)))
        assert added.id.startswith("ev_" + instant_prefix(cause.receivedat)), "it lies beside its cause in each index"
        said = DeadLetterAdded.model_validate_json(added.data)
        told = (said.dead_letter_id, said.reason_class, said.reason, said.owner, said.next_step_es, said.origin)
        assert told == (
            letter.id,
            letter.reason_class,
            letter.reason,
            letter.owner,
            letter.next_step_es,
            letter.origin,
        )

    @pytest.mark.parametrize(
        ("error", "reason_class"),
        [(lambda: Permanent("no"), "permanent"), (lambda: Unreadable("what"), "unreadable")],
        ids=["permanent", "unreadable"],
    )
    async def test_what_will_never_work_is_given_up_at_once(
        self, workshop: Workshop, error: Callable[[], Exception], reason_class: str
    ) -> None:
        await workshop.open(Ledger(trouble=failing(("a", 1), error=error)).handler)

        await workshop.state(("a", 1), ("a", 2))
        await workshop.quiet()

        (letter,) = await workshop.letters()
        assert letter.reason_class == reason_class
        assert letter.next_step_es == NEXT_STEPS_ES[letter.reason_class]
        assert await workshop.written() == {"a": [2]}

    async def test_what_might_have_worked_is_exhausted(self, workshop: Workshop) -> None:
        workshop.waits = Waits(event_retry_seconds=(1,))
        await workshop.open(Ledger(trouble=failing(("a", 1), error=lambda: Transient("later"))).handler)
        await workshop.state(("a", 1))
        await workshop.quiet()

        await self._wait_out_the_ladder(workshop)

        assert [letter.reason_class for letter in await workshop.letters()] == ["exhausted"]

    async def test_an_event_that_this_code_cannot_read_is_given_up(self, workshop: Workshop) -> None:
        await workshop.open(Ledger().handler, bus=False)
        await workshop.state(("a", 1), ("a", 2))
        first = await workshop.position("a", 1)
        spoil = update(events).where(events.c.position == first).values(data='{"kind": 5}')
        await workshop.store.transact(lambda unit: _run(unit, spoil), name="test.spoil")

        await workshop.consumers["ledger"].work(["a"])

        (letter,) = await workshop.letters()
        assert letter.reason_class == "unreadable"
        assert await workshop.written() == {"a": [2]}

    @pytest.mark.parametrize(
        "error",
        [lambda: ValueError("with a \0 in it"), lambda: ValueError("half a pair \ud800"), UntellableError],
        ids=["nul", "surrogate", "untellable"],
    )
    async def test_an_error_that_no_database_can_hold_is_told_all_the_same(
        self, workshop: Workshop, error: Callable[[], Exception]
    ) -> None:
        workshop.waits = Waits(event_retry_seconds=(1,))
        await workshop.open(Ledger(trouble=failing(("a", 1), error=error)).handler)
        await workshop.state(("a", 1), ("a", 2))
        await workshop.quiet()

        await self._wait_out_the_ladder(workshop)

        (letter,) = await workshop.letters()
        assert letter.reason.startswith(type(error()).__name__)
        assert await workshop.written() == {"a": [2]}

    @staticmethod
    async def _wait_out_the_ladder(workshop: Workshop) -> None:
        for pause in workshop.waits.event_retry_seconds:
            workshop.clock.move(timedelta(seconds=pause))
            await workshop.upkeeps["ledger"].retry_held()

    @staticmethod
    async def _event(workshop: Workshop, event_id: str) -> Any:
        query = select(events).where(events.c.id == event_id)
        return await workshop.store.read(lambda tx: tx.one(query))


def _run(unit: UnitOfWork, statement: Any) -> None:
    unit.begin(Origin("", "test", "test")).run(statement)
