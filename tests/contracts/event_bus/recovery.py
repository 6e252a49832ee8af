"""What no notice told is found, what kills the process is found out, what is stopped is whole."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest

from hub.errors import StoreUnavailable
from hub.store import groups, suspects
from hub.store.transaction import Origin, UnitOfWork
from tests.contracts.event_bus.ledger import Ledger, failing
from tests.contracts.event_bus.workshop import Workshop, eventually, numbered
from tests.support.unreliable_store import Fault, in_turn


def _crashed_with(event: str, times: int, group: str = "ledger") -> object:
    def mark(unit: UnitOfWork) -> None:
        suspects.mark(unit.begin(Origin("", group, "test")), group, event, times - 1)

    return mark


class Recovery:
    """The sweep, the careful first batch, the quarantine, the clean stop."""

    async def test_a_sweep_finds_what_nobody_announced(self, workshop: Workshop) -> None:
        ledger = Ledger()
        await workshop.open(ledger.handler)
        workshop.store.deaf = True
        await workshop.state(*numbered(["a", "b"], 2))
        upkeep = workshop.upkeeps["ledger"]

        workshop.clock.move(timedelta(seconds=60) - timedelta(microseconds=1))
        assert await upkeep.sweep(workshop.waits.sweep_age_seconds) == 0
        assert ledger.tries == []
        workshop.clock.move(timedelta(microseconds=1))
        assert await upkeep.sweep(workshop.waits.sweep_age_seconds) == 2

        assert await workshop.written() == {"a": [1, 2], "b": [1, 2]}

    async def test_a_sweep_finds_more_keys_than_fit_a_page(self, workshop: Workshop) -> None:
        await workshop.open(Ledger().handler, bus=False)
        await workshop.state(*numbered((f"key-{number}" for number in range(1_200)), 1))

        assert await workshop.upkeeps["ledger"].sweep() == 1_200

        assert len(await workshop.written()) == 1_200

    async def test_a_clock_that_was_set_back_hides_nothing_from_the_sweep(self, workshop: Workshop) -> None:
        await workshop.open(Ledger().handler, bus=False)
        await workshop.state(("a", 1))
        workshop.clock.move(timedelta(days=-400))

        assert await workshop.upkeeps["ledger"].sweep(workshop.waits.sweep_age_seconds) == 1

        assert await workshop.written() == {"a": [1]}

    async def test_the_floor_stays_below_what_is_held(self, workshop: Workshop) -> None:
        ledger = Ledger(trouble=failing(("held", 1)))
        await workshop.open(ledger.handler)
        await workshop.state(("a", 1), ("held", 1), ("a", 2), ("held", 2))
        await workshop.quiet()
        upkeep = workshop.upkeeps["ledger"]

        await upkeep.sweep()
        held_at = await workshop.position("held", 1)
        assert (await workshop.group()).floor == held_at - 1

        ledger.trouble = lambda key, number: None
        workshop.clock.move(timedelta(seconds=1))
        await upkeep.retry_held()
        await upkeep.sweep()
        assert await workshop.written() == {"a": [1, 2], "held": [1, 2]}
        assert (await workshop.group()).floor > await workshop.position("held", 2)

    async def test_the_floor_never_goes_back(self, workshop: Workshop) -> None:
        await workshop.open(Ledger().handler, bus=False)

        def lower(unit: UnitOfWork) -> None:
            tx = unit.begin(Origin("", "ledger", "hub"))
            groups.set_floor(tx, "ledger", 7)
            groups.set_floor(tx, "ledger", 5)

        await workshop.store.transact(lower, name="test.floor")

        assert (await workshop.group()).floor == 7

    async def test_after_a_crash_events_go_one_by_one_with_nothing_passed_over(self, workshop: Workshop) -> None:
        ledger = Ledger(trouble=failing(("a", 1)))
        await workshop.open(ledger.handler, bus=False)
        await workshop.state(("a", 1), ("b", 1), ("a", 2), ("b", 2))
        trouble = ledger.trouble

        def time_flies(key: str, number: int) -> None:
            # The hold of the failed event is over before the next event of its key has its turn.
            workshop.clock.move(timedelta(seconds=5))
            trouble(key, number)

        ledger.trouble = time_flies
        await workshop.upkeeps["ledger"].take_first_batch_carefully()
        assert await workshop.written() == {"b": [1, 2]}

        ledger.trouble = lambda key, number: None
        workshop.clock.move(timedelta(seconds=1))
        await workshop.upkeeps["ledger"].retry_held()
        assert await workshop.written() == {"a": [1, 2], "b": [1, 2]}

    async def test_an_event_in_hand_at_three_crashes_is_quarantined(self, workshop: Workshop) -> None:
        ledger = Ledger()
        await workshop.open(ledger.handler, bus=False)
        await workshop.state(("a", 1), ("b", 1), ("a", 2))
        killer = await workshop.event_id("a", 1)
        await workshop.store.transact(_crashed_with(killer, 3), name="test.mark")  # type: ignore[arg-type]

        await workshop.upkeeps["ledger"].take_first_batch_carefully()

        (letter,) = await workshop.letters()
        assert (letter.item, letter.reason_class, letter.owner) == (killer, "poison", "support")
        assert ("a", 1) not in ledger.tries
        assert await workshop.written() == {"a": [2], "b": [1]}

    async def test_an_event_in_hand_at_two_crashes_has_one_more_chance(self, workshop: Workshop) -> None:
        await workshop.open(Ledger().handler, bus=False)
        await workshop.state(("a", 1), ("a", 2))
        suspect = await workshop.event_id("a", 1)
        await workshop.store.transact(_crashed_with(suspect, 2), name="test.mark")  # type: ignore[arg-type]

        await workshop.upkeeps["ledger"].take_first_batch_carefully()

        assert await workshop.written() == {"a": [1, 2]}
        assert await workshop.letters() == []

    async def test_a_database_that_is_away_while_an_event_is_tried_is_no_crash(self, workshop: Workshop) -> None:
        await workshop.open(Ledger().handler, bus=False)
        await workshop.state(("a", 1), ("a", 2))
        # Where it goes away: at the look, at the mark, or after it, its answer lost or the event untried.
        places: list[tuple[Fault, ...]] = [(), (None, None), (None, None, "after"), (None, "after"), (None, "after")]
        for passed in (*places, *[(None, None)] * 4):
            workshop.store.fault = in_turn(*passed, then="before")
            with pytest.raises(StoreUnavailable):
                await workshop.upkeeps["ledger"].take_first_batch_carefully()

        workshop.store.fault = lambda: None
        await workshop.upkeeps["ledger"].take_first_batch_carefully()

        assert await workshop.written() == {"a": [1, 2]}
        assert await workshop.letters() == []

    async def test_a_suspect_behind_a_held_event_waits_for_its_turn(self, workshop: Workshop) -> None:
        await workshop.open(Ledger(trouble=failing(("a", 1))).handler, bus=False)
        await workshop.state(("a", 1), ("a", 2))
        await workshop.consumers["ledger"].work(["a"])
        suspect = await workshop.event_id("a", 2)
        await workshop.store.transact(_crashed_with(suspect, 3), name="test.mark")  # type: ignore[arg-type]

        await workshop.upkeeps["ledger"].take_first_batch_carefully()

        assert await workshop.letters() == []
        assert await workshop.held() == ["a"]

    @pytest.mark.parametrize("seed", range(3))
    async def test_a_stop_ends_with_the_batch_in_hand(self, workshop: Workshop, seed: int) -> None:
        keys = [f"key-{number}" for number in range(50)]
        ledger = Ledger(trouble=lambda key, number: time.sleep(0.0002))
        await workshop.open(ledger.handler, bus=False)
        await workshop.state(*numbered(keys, 20))
        await workshop.close()
        await workshop.open(ledger.handler)

        async def under_way() -> bool:
            return len(ledger.tries) > 100 * (seed + 1)

        await eventually(under_way, "the groups are at work")
        assert workshop.bus is not None
        await workshop.bus.stop()
        done = await workshop.writing_order()
        await asyncio.sleep(0.02)

        assert await workshop.writing_order() == done, "nothing happens after a stop"
        assert 0 < len(done) < 1_000, "a stop does not wait for the whole backlog"
        await workshop.close()
        await workshop.open(Ledger().handler)
        await workshop.quiet()
        assert await workshop.written() == {key: list(range(1, 21)) for key in keys}
