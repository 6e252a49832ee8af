"""Results that come together are recorded together; one that cannot be takes none of the others along."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from hub.contracts import Accepted, NotTaken, Outcome, Rejected
from hub.errors import StoreConflict, StoreUnavailable
from hub.pipeline.effects import settle
from hub.pipeline.effects.results import Results
from hub.store.transaction import UnitOfWork
from tests.pipeline.effects.rig import Rig
from tests.support.replying import effect, until
from tests.support.unreliable_store import UnreliableStore

T = TypeVar("T")
OUTCOMES: tuple[Outcome, ...] = (Accepted("wamid.1"), Rejected("131026", "No se puede."), NotTaken("x", "Falla."))


class Watched(UnreliableStore):
    """Counts transactions of results, refuses some by their number, lets the first wait until it may.

    Attributes:
        refusals: What a try raises, by its number from 1.
    """

    refusals: dict[int, Exception]
    may: asyncio.Event
    tried: int

    async def transact(self, fn: Callable[[UnitOfWork], T], *, name: str) -> T:
        if name == "effects.settle":
            self.tried += 1
            number = self.tried
            await self.may.wait()
            if number in self.refusals:
                raise self.refusals[number]
        return await super().transact(fn, name=name)


async def ended(rig: Rig, refusals: dict[int, Exception]) -> tuple[Watched, list[str]]:
    """Let three calls end, the later two while the first is being recorded; return when all are recorded."""
    store = Watched(rig.store)
    store.refusals, store.may, store.tried = refusals, asyncio.Event(), 0
    results = Results(store, rig.waits)
    ids = [(await rig.ask("hola", who=who))[0] for who in ("ana", "luis", "eva")]
    tasks = []
    for id_, outcome in zip(ids, OUTCOMES, strict=True):
        tasks.append(asyncio.create_task(results.record(await claimed(rig, id_), outcome)))
        await until(lambda: store.tried == 1, "the first is being recorded")
    store.may.set()
    await asyncio.gather(*tasks)
    return store, ids


async def claimed(rig: Rig, id_: str) -> Any:
    """Return an effect that is being sent."""
    row = await effect(rig.store, id_)
    (claimed,) = await rig.store.transact(lambda unit: settle.claim(unit, [row]), name="tests.claim")
    return claimed


@pytest.mark.parametrize(
    ("refusals", "tried"),
    [
        ({}, 2),
        ({number: StoreUnavailable("away") for number in (1, 2, 3)}, 5),
        ({1: StoreConflict("met another")}, 3),
        ({2: StoreConflict("met another")}, 4),
    ],
    ids=["together", "away", "one met another", "two met another"],
)
async def test_what_comes_while_others_are_recorded_rides_together(
    rig: Rig, refusals: dict[int, Exception], tried: int
) -> None:
    store, ids = await ended(rig, refusals)

    assert store.tried == tried
    assert await rig.states(*ids) == ["accepted", "failed", "intent"]


async def test_one_that_cannot_be_recorded_is_in_doubt_alone(rig: Rig) -> None:
    bug = ValueError("a bug of ours")

    # The two together, then the first of them alone.
    store, ids = await ended(rig, {2: bug, 3: bug})

    assert store.tried == 5
    assert await rig.states(*ids) == ["accepted", "unknown", "intent"]
    assert "could not be recorded" in ((await effect(rig.store, ids[1])).explanation_es or "")
