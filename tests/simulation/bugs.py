"""Known bugs to plant into the hub, so that the simulation can be seen to find them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final
from unittest import mock

from hub import killpoints
from hub.pipeline.consumer import attempt
from hub.pipeline.consumer.attempt import Done, Prepared
from hub.pipeline.consumer.consumer import Consumer
from hub.pipeline.effects import settle
from hub.pipeline.timers import TimerWorker
from hub.store import deliveries, effects, groups, timers
from hub.store.transaction import Origin, UnitOfWork
from schemas import ids
from schemas.operations import TimerFired
from tests.simulation.journal import SimulatedJournal


@contextlib.contextmanager
def acknowledge_before_commit() -> Iterator[None]:
    """Answer 200 as soon as a delivery waits for the journal."""

    async def append(journal: SimulatedJournal, row: Any) -> None:
        if not journal.ready:
            await _real_append(journal, row)
        journal._life.loop.create_task(_heedless(journal, row), name="append")

    with mock.patch.object(SimulatedJournal, "append", append):
        yield


@contextlib.contextmanager
def lose_held_event() -> Iterator[None]:
    """Handle what stands behind an event that failed, which moves the key's position past it."""

    def batch(handler: Any, line: Sequence[Prepared], **_: bool) -> Callable[[UnitOfWork], Any]:
        def work(unit: UnitOfWork) -> Done:
            tx = unit.begin(Origin("", handler.group, "hub"))
            keys = {one.event.partitionkey for one in line}
            reached = {key: row.position for key, row in groups.positions(tx, handler.group, keys).items()}
            fresh = [one for one in line if one.position > reached.get(one.event.partitionkey, 0)]
            for one in fresh:
                attempt.handle_one(handler, unit, one)
            groups.advance(tx, handler.group, {one.event.partitionkey: one.position for one in fresh})
            return Done(fresh)

        return work

    async def one_by_one(consumer: Consumer, line: Sequence[Any], _: set[str]) -> None:
        for one in line:
            await consumer._alone(one)

    with mock.patch.object(attempt, "batch", batch), mock.patch.object(Consumer, "_one_by_one", one_by_one):
        yield


@contextlib.contextmanager
def double_timer() -> Iterator[None]:
    """Say that a timer fired in one transaction, note on the timer that it did in the next."""

    async def fire_due(worker: TimerWorker) -> int:
        def fire(unit: UnitOfWork) -> list[Any]:
            due = list(timers.due(unit.begin(Origin("", "timers", "hub")), 64))
            for timer in due:
                tx = unit.begin(Origin(timer.cause, timer.group, "hub"))
                asked = TimerFired(group=timer.group, name=timer.name, generation=timer.generation, due=timer.due)
                id_ = "ev_" + ids.digest("timer", timer.group, timer.name, unit.now.isoformat())
                tx.state(asked, key=timer.key, subject=timer.group, id=id_, time=timer.due, source="/hub/timers")
            return due

        def end(unit: UnitOfWork) -> None:
            for timer in fired:
                timers.end(unit.begin(Origin(timer.cause, timer.group, "hub")), timer, "fired")

        if not await worker._store.read(lambda tx: bool(timers.due(tx, 1))):
            return 0
        fired = await worker._store.transact(fire, name="timers")
        killpoints.reached("timer.committed")
        await worker._store.transact(end, name="timers.end")
        return len(fired)

    with mock.patch.object(TimerWorker, "fire_due", fire_due):
        yield


@contextlib.contextmanager
def send_again_in_doubt() -> Iterator[None]:
    """Try a call again whose outcome nobody knows."""

    def unclear(tx: Any, row: Any, result: Any, waits: Any) -> None:
        effects.move(tx, row, "intent", not_before=tx.now)

    with mock.patch.object(settle, "_unclear", unclear):
        yield


@contextlib.contextmanager
def forget_to_deduplicate() -> Iterator[None]:
    """Take each delivery as news, also the fifth copy of it."""
    with mock.patch.object(deliveries, "known_ids", lambda tx, wanted: set(list(wanted)[:0])):
        yield


_real_append: Final = SimulatedJournal.append


async def _heedless(journal: SimulatedJournal, row: Any) -> None:
    with contextlib.suppress(Exception):
        await _real_append(journal, row)


BUGS: Final[dict[str, Callable[[], contextlib.AbstractContextManager[None]]]] = {
    "acknowledge before commit": acknowledge_before_commit,
    "lost held event": lose_held_event,
    "double timer": double_timer,
    "sent again in doubt": send_again_in_doubt,
    "no deduplication": forget_to_deduplicate,
}
