"""The clocks of a ticket run in attended or natural time, ask at their instants, tell once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import update

from hub.store.tables import clocks
from hub.store.transaction import Origin
from schemas.tickets import ClockBreached, ClockStarted, ClockWarned
from tests.support.clock import MONDAY_MORNING
from tests.support.desk import Desk

FRIDAY_HALF_PAST_FIVE = datetime(2026, 11, 27, 23, 30, tzinfo=UTC)
MONDAY_HALF_PAST_NINE = datetime(2026, 11, 30, 15, 30, tzinfo=UTC)


async def _clocks(desk: Desk) -> dict[str, str]:
    return {row.name: row.state for row in await desk.rows(clocks)}


async def test_a_ticket_starts_two_clocks_from_the_customers_message(desk: Desk) -> None:
    asked_at = desk.clock.now() - timedelta(minutes=5)

    await desk.says("No puedo timbrar", at=asked_at)
    await desk.settle()

    started = {event.data.name: event for event in await desk.stated(ClockStarted)}
    first, whole = started["first_response"].data, started["resolution"].data
    assert (first.unit, first.target_minutes) == ("attendance", 60)
    assert first.warn_at == asked_at + timedelta(minutes=48)
    assert first.due_at == asked_at + timedelta(minutes=60)
    assert (whole.unit, whole.target_minutes) == ("natural", 4320)
    assert whole.due_at == asked_at + timedelta(days=3)
    assert {event.time for event in started.values()} == {asked_at}
    assert await _clocks(desk) == {"first_response": "running", "resolution": "running"}


async def test_attended_time_stands_still_over_the_weekend_natural_time_does_not(desk: Desk) -> None:
    desk.clock.move(FRIDAY_HALF_PAST_FIVE - MONDAY_MORNING)

    await desk.says("No puedo timbrar")
    await desk.settle()

    due = {event.data.name: event.data.due_at for event in await desk.stated(ClockStarted)}
    assert due["first_response"] == MONDAY_HALF_PAST_NINE
    assert due["resolution"] == FRIDAY_HALF_PAST_FIVE + timedelta(days=3)


async def test_a_clock_warns_then_breaches_at_its_instants_once(desk: Desk) -> None:
    await desk.says("No puedo timbrar")
    await desk.settle()
    began = desk.clock.now()

    await desk.time_comes(began + timedelta(minutes=48) - timedelta(microseconds=1))
    assert await desk.stated(ClockWarned) == []
    await desk.time_comes(began + timedelta(minutes=48))
    (warned,) = await desk.stated(ClockWarned)
    assert (warned.data.name, warned.time) == ("first_response", began + timedelta(minutes=48))
    assert (await _clocks(desk))["first_response"] == "warned"

    await desk.time_comes(began + timedelta(minutes=60))
    await desk.time_comes(began + timedelta(minutes=61))
    (breached,) = await desk.stated(ClockBreached)
    assert (breached.data.name, breached.time) == ("first_response", began + timedelta(minutes=60))
    assert await _clocks(desk) == {"first_response": "breached", "resolution": "running"}
    assert len(await desk.stated(ClockWarned)) == 1


async def test_a_hub_that_was_away_tells_of_warning_and_breach_at_their_own_instants(desk: Desk) -> None:
    await desk.says("No puedo timbrar")
    await desk.settle()
    began = desk.clock.now()

    await desk.time_comes(began + timedelta(hours=5))

    (warned,), (breached,) = await desk.stated(ClockWarned), await desk.stated(ClockBreached)
    assert warned.time == began + timedelta(minutes=48)
    assert breached.time == began + timedelta(minutes=60)
    assert breached.receivedat == desk.clock.now()


async def test_a_clock_that_was_met_meanwhile_neither_warns_nor_breaches(desk: Desk) -> None:
    await desk.says("No puedo timbrar")
    await desk.settle()
    began = desk.clock.now()
    met = update(clocks).where(clocks.c.name == "first_response").values(state="met")
    await desk.store.transact(lambda unit: unit.begin(Origin("", "test", "test")).run(met), name="test.met")

    await desk.time_comes(began + timedelta(hours=2))

    assert await desk.stated(ClockWarned) == []
    assert await desk.stated(ClockBreached) == []
