"""A timer asks its question once a generation, at its instant, while the answer is of use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from hub.pipeline.timers import TimerWorker
from hub.settings import Waits
from hub.store import events, timers
from hub.store.tables import timers as table
from hub.store.transaction import Origin, Transaction
from hub.telemetry import metrics
from schemas.operations import TimerFired
from tests.contracts.event_bus.workshop import eventually
from tests.support.clock import FakeClock
from tests.support.engines import ENGINES, a_store
from tests.support.unreliable_store import UnreliableStore

MINUTE = timedelta(minutes=1)


class Alarms:
    """A group's timers with the worker that fires them."""

    def __init__(self, store: UnreliableStore, clock: FakeClock) -> None:
        """Arm nothing yet."""
        self.store = store
        self.clock = clock
        self.worker = TimerWorker(store, clock, Waits(store_retry_seconds=0.001))

    async def run(self, change: Callable[[Transaction], Any], group: str = "group") -> Any:
        """Do something in the group's name."""
        return await self.store.reliable.transact(
            lambda unit: change(unit.begin(Origin("ev_cause", group, "test"))), name="test"
        )

    async def arm(
        self, name: str, after: timedelta, *, not_after: timedelta | None = None, group: str = "group"
    ) -> Any:
        """Arm a timer; return its generation."""
        due = self.clock.now() + after
        last = None if not_after is None else self.clock.now() + not_after
        return await self.run(lambda tx: timers.arm(tx, name, due, key="cv_1", not_after=last), group)

    async def fired(self) -> list[Any]:
        """Return every question, in order."""
        rows = await self.store.reliable.read(lambda tx: events.tail(tx, 0, 1000))
        return [events.envelope(row) for row in rows if row.type == TimerFired.TYPE]

    async def states(self) -> dict[str, str]:
        """Return the state of each timer."""
        rows = await self.store.reliable.read(lambda tx: tx.all(select(table)))
        return {row.name: row.state for row in rows}


@pytest.fixture(params=ENGINES)
async def alarms(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Alarms]:
    clock = FakeClock()
    async with a_store(request.param, tmp_path, clock) as store:
        yield Alarms(UnreliableStore(store), clock)


def _ended(outcome: str) -> float:
    return metrics.registry.get_sample_value("hub_timers_ended_total", {"outcome": outcome}) or 0.0


async def test_a_timer_fires_at_its_instant_as_a_question_to_its_group(alarms: Alarms) -> None:
    await alarms.arm("call-back", MINUTE)
    due = alarms.clock.now() + MINUTE

    alarms.clock.move(MINUTE - timedelta(microseconds=1))
    assert await alarms.worker.fire_due() == 0
    alarms.clock.move(timedelta(microseconds=1))
    assert await alarms.worker.fire_due() == 1

    (question,) = await alarms.fired()
    asked = question.data
    assert (asked.group, asked.name, asked.generation, asked.due) == ("group", "call-back", 1, due)
    assert (question.subject, question.partitionkey, question.time) == ("group", "cv_1", due)
    assert question.causation == "ev_cause"


async def test_a_generation_fires_once_however_often_it_is_looked_at(alarms: Alarms) -> None:
    await alarms.arm("a", MINUTE)
    alarms.clock.move(MINUTE)

    await asyncio.gather(*(alarms.worker.fire_due() for _ in range(5)))
    await TimerWorker(alarms.store, alarms.clock, Waits()).fire_due()

    assert len(await alarms.fired()) == 1


@pytest.mark.parametrize("fault", ["before", "after"])
async def test_an_outage_neither_loses_nor_doubles_a_question(alarms: Alarms, fault: Any) -> None:
    await alarms.arm("a", MINUTE)
    alarms.clock.move(MINUTE)
    faults = iter([None, fault, fault, None])
    alarms.store.fault = lambda: next(faults, None)

    running = asyncio.create_task(alarms.worker.run())
    await eventually(alarms.fired, "the timer fires")
    await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert len(await alarms.fired()) == 1


async def test_a_timer_armed_again_asks_only_for_the_new_generation(alarms: Alarms) -> None:
    assert await alarms.arm("a", MINUTE) == 1
    assert await alarms.arm("a", 2 * MINUTE) == 2

    alarms.clock.move(MINUTE)
    assert await alarms.worker.fire_due() == 0
    alarms.clock.move(MINUTE)
    assert await alarms.worker.fire_due() == 1

    assert [question.data.generation for question in await alarms.fired()] == [2]


async def test_a_timer_can_be_armed_again_once_it_has_fired(alarms: Alarms) -> None:
    ids = set()
    for generation in (1, 2, 3):
        assert await alarms.arm("a", MINUTE) == generation
        alarms.clock.move(MINUTE)
        await alarms.worker.fire_due()
        ids.add((await alarms.fired())[-1].id)

    assert [question.data.generation for question in await alarms.fired()] == [1, 2, 3]
    assert len(ids) == 3


async def test_a_timer_armed_again_while_its_question_waits_shows_the_question_as_old(alarms: Alarms) -> None:
    await alarms.arm("a", MINUTE)
    alarms.clock.move(MINUTE)
    await alarms.worker.fire_due()
    await alarms.arm("a", MINUTE)

    (question,) = await alarms.fired()
    now_armed = await alarms.run(lambda tx: timers.get(tx, "a"))
    assert question.data.generation == 1
    assert (now_armed.generation, now_armed.state) == (2, "armed")


async def test_a_cancelled_timer_asks_nothing(alarms: Alarms) -> None:
    await alarms.arm("a", MINUTE)
    await alarms.run(lambda tx: timers.cancel(tx, "a"))
    alarms.clock.move(MINUTE)

    assert await alarms.worker.fire_due() == 0

    assert await alarms.states() == {"a": "cancelled"}


async def test_groups_have_timers_of_the_same_name(alarms: Alarms) -> None:
    await alarms.arm("a", MINUTE, group="first")
    await alarms.arm("a", MINUTE, group="second")
    await alarms.run(lambda tx: timers.cancel(tx, "a"), "second")
    alarms.clock.move(MINUTE)

    await alarms.worker.fire_due()

    assert [question.subject for question in await alarms.fired()] == ["first"]


async def test_a_question_of_no_more_use_expires_counted(alarms: Alarms) -> None:
    await alarms.arm("still", MINUTE, not_after=timedelta(hours=1))
    await alarms.arm("too-late", MINUTE, not_after=timedelta(hours=1) - timedelta(microseconds=1))
    fired, expired = _ended("fired"), _ended("expired")

    alarms.clock.move(timedelta(hours=1))
    assert await alarms.worker.fire_due() == 2

    assert await alarms.states() == {"still": "fired", "too-late": "expired"}
    assert [question.data.name for question in await alarms.fired()] == ["still"]
    assert (_ended("fired") - fired, _ended("expired") - expired) == (1, 1)


async def test_timers_that_are_late_fire_in_the_order_of_their_instants(alarms: Alarms) -> None:
    for minutes in (3, 1, 2):
        await alarms.arm(f"in-{minutes}", minutes * MINUTE)

    alarms.clock.move(timedelta(hours=1))
    await alarms.worker.fire_due()

    assert [question.data.name for question in await alarms.fired()] == ["in-1", "in-2", "in-3"]


async def test_more_timers_than_a_batch_all_fire(alarms: Alarms) -> None:
    due = alarms.clock.now() + MINUTE
    await alarms.run(lambda tx: [timers.arm(tx, f"t-{n}", due, key="cv") for n in range(150)])
    running = asyncio.create_task(alarms.worker.run())

    # Nothing else is armed meanwhile: a rehearsal that sees fewer timers than the run does would differ from it.
    alarms.clock.move(MINUTE)

    async def all_fired() -> bool:
        if running.done():
            running.result()
        return len(await alarms.fired()) == 150

    await eventually(all_fired, "every timer fires")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_newly_armed_timer_wakes_the_worker(alarms: Alarms) -> None:
    running = asyncio.create_task(alarms.worker.run())
    await asyncio.sleep(0.01)

    await alarms.arm("now", timedelta())
    await asyncio.wait_for(eventually(alarms.fired, "it fires"), 0.9)

    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize("turns", range(6))
async def test_a_stop_that_meets_a_wake_up_is_a_stop(alarms: Alarms, turns: int) -> None:
    running = asyncio.create_task(alarms.worker.run())
    await alarms.arm("later", MINUTE)
    await asyncio.sleep(0.02)

    alarms.worker._wake.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    running.cancel()

    done, _ = await asyncio.wait({running}, timeout=5)
    assert done


async def test_a_clock_that_jumps_forward_fires_what_it_jumped_over_once(alarms: Alarms) -> None:
    await alarms.arm("soon", MINUTE)
    await alarms.arm("far", timedelta(days=400))

    alarms.clock.move(timedelta(days=365))
    await alarms.worker.fire_due()
    alarms.clock.move(timedelta(days=-365))
    await alarms.worker.fire_due()
    alarms.clock.move(MINUTE)
    await alarms.worker.fire_due()

    assert [question.data.name for question in await alarms.fired()] == ["soon"]


async def test_a_clock_that_is_set_back_delays_yet_loses_nothing(alarms: Alarms) -> None:
    await alarms.arm("a", MINUTE)

    alarms.clock.move(timedelta(hours=-3))
    assert await alarms.worker.fire_due() == 0
    alarms.clock.move(timedelta(hours=3) + MINUTE)
    assert await alarms.worker.fire_due() == 1
