"""Clocks start with the customer's message, warn, then break; a late question of a timer changes nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hub.domain.service_levels import promises
from hub.services import service_levels
from hub.store import timers
from hub.store.transaction import Transaction
from schemas.operations import TimerFired
from schemas.tickets import TicketOpened
from tests.services.conftest import Desk


async def started(desk: Desk) -> list[Any]:
    """Return the clocks of a ticket, the most pressing first."""
    ticket = TicketOpened(
        ticket_id="tk_1",
        folio="T-1001",
        case_id="ca_1",
        conversation_id=desk.conversation,
        contact_id="ct_1",
        channel="whatsapp",
        kind="bug",
        title="Facturas",
        asked_at=desk.clock.now() - timedelta(minutes=10),
    )

    def start(tx: Transaction) -> None:
        tx.run(_ticket_row(desk))
        for promise in promises(tx.policies, ticket.asked_at):
            service_levels.start(tx, ticket, promise)

    await desk.do(start)
    return list(await desk.store.read(lambda tx: service_levels.of_ticket(tx, "tk_1")))


def _ticket_row(desk: Desk) -> Any:
    from sqlalchemy import insert

    from hub.store.tables import tickets

    return insert(tickets).values(
        id="tk_1",
        folio="T-1001",
        case_id="ca_1",
        conversation_id=desk.conversation,
        contact_id="ct_1",
        channel="whatsapp",
        kind="bug",
        title="Facturas",
        state="open",
        asked_at=desk.clock.now(),
        opened_at=desk.clock.now(),
        version=1,
    )


def fired(name: str, clock: Any, *, generation: int = 1) -> TimerFired:
    return TimerFired(group="tests", name=f"{name}:{clock.id}", generation=generation, due=clock.due_at)


async def test_both_clocks_run_from_the_customers_message(desk: Desk) -> None:
    first, whole = await started(desk)
    asked = desk.clock.now() - timedelta(minutes=10)

    assert (first.name, first.unit, first.started_at) == ("first_response", "attendance", asked)
    assert first.due_at - asked == timedelta(hours=1)
    assert first.warn_at - asked == timedelta(minutes=48)
    assert (whole.name, whole.unit, whole.due_at - asked) == ("resolution", "natural", timedelta(days=3))
    assert {row.state for row in (first, whole)} == {"running"}


async def test_a_warning_then_the_breach_each_once(desk: Desk) -> None:
    first, _ = await started(desk)

    for cause, name in enumerate(("warn", "warn", "breach", "breach", "warn")):
        await desk.do(
            lambda tx, n=name: service_levels.look_at(tx, fired(n, first)),  # type: ignore[misc]
            cause=f"ev_{cause}",
        )

    told = [event.type.split(".")[2] for event in await desk.events("clock.%")]
    assert told == ["started", "started", "warned", "breached"]
    states = [row.state for row in await desk.store.read(lambda tx: service_levels.of_ticket(tx, "tk_1"))]
    assert states == ["breached", "running"]
    assert [event.time for event in await desk.events("clock.breached")] == [first.due_at]


async def test_a_timer_that_was_armed_anew_is_not_answered_for_the_old(desk: Desk) -> None:
    first, _ = await started(desk)
    await desk.do(
        lambda tx: timers.arm(tx, f"warn:{first.id}", desk.clock.now() + timedelta(days=1), key=desk.conversation)
    )

    await desk.do(lambda tx: service_levels.look_at(tx, fired("warn", first)), cause="ev_old")
    assert await desk.events("clock.warned") == []
    await desk.do(lambda tx: service_levels.look_at(tx, fired("warn", first, generation=2)), cause="ev_new")

    assert len(await desk.events("clock.warned")) == 1


async def test_a_timer_of_a_clock_that_is_gone_says_nothing(desk: Desk) -> None:
    first, _ = await started(desk)
    await desk.store.transact(lambda unit: unit.connection.exec_driver_sql("DELETE FROM clocks"), name="tests.delete")

    await desk.do(lambda tx: service_levels.look_at(tx, fired("breach", first)))

    assert await desk.events("clock.breached") == []
