"""Which groups there are, where each begins, what reaches it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from hub.contracts import Handler, Ports
from hub.errors import Misconfigured
from hub.pipeline.timers import TimerWorker
from hub.services import interventions
from hub.store import events, timers
from hub.store.transaction import Origin, Transaction
from schemas.envelope import CloudEvent
from schemas.operations import TimerFired
from tests.contracts.event_bus.ledger import Answered, Asked, Ledger
from tests.contracts.event_bus.workshop import Workshop


class Alarm:
    """A group that arms a timer for each event, that notes what fires."""

    def __init__(self, group: str) -> None:
        """Hear of nothing yet."""
        self.group = group
        self.heard: list[tuple[str, int]] = []
        self.handler = Handler(group=group, types=(Asked, TimerFired), handle=self._handle, owner="support")

    def _handle(self, event: CloudEvent[Any], tx: Transaction, _ports: Ports) -> None:
        if isinstance(event.data, TimerFired):
            timer = timers.get(tx, event.data.name)
            assert timer is not None, "a group finds the timer that it is asked about"
            self.heard.append((event.data.name, event.data.generation))
        else:
            timers.arm(tx, "wake-up", tx.now + timedelta(minutes=1), key=event.partitionkey)


class Membership:
    """Joining, renaming, leaving; timers as questions to one group."""

    async def test_a_new_group_begins_now_or_with_the_oldest_event(self, workshop: Workshop) -> None:
        await workshop.open(Ledger("old").handler)
        await workshop.state(("a", 1), ("b", 1))
        await workshop.quiet()
        await workshop.close()

        everything, news = Ledger("everything", "beginning"), Ledger("news", "now")
        await workshop.open(Ledger("old").handler, everything.handler, news.handler)
        await workshop.state(("a", 2), ("c", 1))
        await workshop.quiet()

        assert await workshop.written("everything") == {"a": [1, 2], "b": [1], "c": [1]}
        assert await workshop.written("news") == {"a": [2], "c": [1]}

    async def test_a_group_that_begins_now_begins_there_for_ever(self, workshop: Workshop) -> None:
        await workshop.open(Ledger("old").handler)
        await workshop.state(("a", 1))
        await workshop.close()
        await workshop.open(Ledger("old").handler, Ledger("news", "now").handler, bus=False)
        await workshop.state(("a", 2))
        await workshop.close()

        await workshop.open(Ledger("old").handler, Ledger("news", "now").handler)
        await workshop.quiet()

        assert await workshop.written("news") == {"a": [2]}

    async def test_a_group_without_its_handler_is_refused_with_the_cure(self, workshop: Workshop) -> None:
        await workshop.open(Ledger("gone").handler, Ledger("stays").handler)
        await workshop.close()

        with pytest.raises(Misconfigured, match=r"gone.*hub groups adopt") as refused:
            await workshop.open(Ledger("renamed").handler, Ledger("stays").handler)

        assert len(refused.value.problems) == 1
        assert await workshop.group("renamed") is None, "a refused start leaves nothing behind"

    async def test_two_handlers_of_one_group_are_refused(self, workshop: Workshop) -> None:
        with pytest.raises(Misconfigured, match="share a group name"):
            await workshop.open(Ledger("same").handler, Ledger("same").handler)

    async def test_a_renamed_group_goes_on_where_it_was(self, workshop: Workshop) -> None:
        await workshop.open(Ledger("before").handler)
        await workshop.state(("a", 1))
        await workshop.quiet()
        await workshop.state(("a", 2), ("b", 1))
        await workshop.quiet()
        await workshop.store.transact(_adopting("before", "after"), name="adopt")
        await workshop.close()

        await workshop.open(Ledger("after").handler)
        await workshop.state(("a", 3))
        await workshop.quiet()

        assert await workshop.written("after") == {"a": [3]}

    async def test_a_renamed_group_is_still_asked_by_its_timers(self, workshop: Workshop) -> None:
        alarm = Alarm("before")
        await workshop.open(alarm.handler, bus=False)
        await workshop.state(("a", 1))
        await workshop.consumers["before"].work(["a"])
        await self._a_minute_passes(workshop)
        await workshop.state(("b", 1))
        await workshop.consumers["before"].work(["b"])
        await workshop.store.transact(_adopting("before", "after"), name="adopt")
        await workshop.close()

        alarm = Alarm("after")
        await workshop.open(alarm.handler)
        await self._a_minute_passes(workshop)
        await workshop.quiet()

        assert sorted(set(alarm.heard)) == [("wake-up", 1), ("wake-up", 2)], "fired before, fired after"

    async def test_a_dropped_group_asks_for_nothing_any_more(self, workshop: Workshop) -> None:
        await workshop.open(Alarm("gone").handler, bus=False)
        await workshop.state(("a", 1))
        await workshop.consumers["gone"].work(["a"])

        await workshop.store.transact(
            lambda unit: interventions.drop(unit.begin(Origin("", "drop", "staff:1")), "gone", ()), name="drop"
        )

        workshop.clock.move(timedelta(minutes=1))
        assert await TimerWorker(workshop.store, workshop.clock, workshop.waits).fire_due() == 0

    async def test_a_timer_asks_nobody_but_the_group_that_armed_it(self, workshop: Workshop) -> None:
        mine, other = Alarm("mine"), Alarm("other")
        never_asked = Ledger("never-asked", types=(Asked, TimerFired))
        await workshop.open(mine.handler, other.handler, never_asked.handler)
        await workshop.state(("a", 1))
        await workshop.quiet()

        await self._a_minute_passes(workshop, timer_groups=2)
        await workshop.quiet()
        await workshop.upkeeps["other"].sweep()

        assert set(mine.heard) == set(other.heard) == {("wake-up", 1)}
        assert await workshop.written("never-asked") == {"a": [1]}
        assert len(await workshop.store.read(_questions)) == 2

    async def test_a_type_added_to_a_group_does_not_answer_history(self, workshop: Workshop) -> None:
        await workshop.open(Ledger().handler)
        await workshop.state(("a", 1), ("b", 1))
        await workshop.quiet()
        await workshop.upkeeps["ledger"].sweep()
        await workshop.close()

        both = Ledger(types=(Asked, Answered), answers=False)
        await workshop.open(both.handler)
        # News on a key that has had events of the added type before.
        await workshop.state(("answers:a", 7))
        await workshop.quiet()

        assert set(both.tries) == {("answers:a", 7)}

    @staticmethod
    async def _a_minute_passes(workshop: Workshop, timer_groups: int = 1) -> None:
        workshop.clock.move(timedelta(minutes=1))
        assert await TimerWorker(workshop.store, workshop.clock, workshop.waits).fire_due() == timer_groups


def _adopting(old: str, new: str) -> Any:
    return lambda unit: interventions.adopt(unit.begin(Origin("", "adopt", "staff:1")), old, new, {new})


def _questions(tx: Transaction) -> Any:

    return [row for row in events.tail(tx, 0, 100) if row.type == TimerFired.TYPE]
