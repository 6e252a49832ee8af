"""Clocks of tickets: started, warned, breached; each change is an event."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.engine import Row

from hub.domain.service_levels import Promise
from hub.services import cases, conversations
from hub.store import timers
from hub.store.tables import clocks, tickets
from hub.store.transaction import Projection, Transaction
from schemas.envelope import CloudEvent
from schemas.operations import TimerFired
from schemas.tickets import ClockBreached, ClockMet, ClockStarted, ClockWarned, TicketOpened

_FIRST_RESPONSE: Final = "first_response"
_NOTICE_USEFUL_FOR: Final = timedelta(days=7)

_INSERT: Final = insert(clocks)
_WITH_TICKET: Final = (
    select(clocks, tickets.c.folio, tickets.c.conversation_id)
    .join(tickets, tickets.c.id == clocks.c.ticket_id)
    .where(clocks.c.id == bindparam("clock"))
)
_AWAITING_RESPONSE: Final = (
    select(clocks, tickets.c.folio, tickets.c.conversation_id)
    .join(tickets, tickets.c.id == clocks.c.ticket_id)
    .where(
        (tickets.c.conversation_id == bindparam("conversation")) | (tickets.c.case_id == bindparam("case")),
        clocks.c.name == bindparam("clock_name"),
        (clocks.c.state == "running") | (clocks.c.state == "warned"),
        clocks.c.started_at <= bindparam("at"),
        clocks.c.due_at >= bindparam("at"),
    )
    .order_by(clocks.c.due_at, clocks.c.id)
)
_OF_TICKET: Final = select(clocks).where(clocks.c.ticket_id == bindparam("ticket")).order_by(clocks.c.due_at)
_SET: Final = update(clocks).where(clocks.c.id == bindparam("clock")).values(state=bindparam("new_state"))


def start(tx: Transaction, ticket: TicketOpened, promise: Promise) -> None:
    """Start one clock of a ticket, with the timers that will ask about it.

    A first response that a colleague gave outside the hub before the ticket was there is met at once (R-C9).
    """
    clock = tx.new_id("ck")
    tx.state(
        ClockStarted(
            clock_id=clock,
            ticket_id=ticket.ticket_id,
            folio=ticket.folio,
            conversation_id=ticket.conversation_id,
            name=promise.name,
            due_at=promise.due_at,
            warn_at=promise.warn_at,
            unit=promise.unit,
            target_minutes=promise.target_minutes,
            policy_version=tx.policies.version,
        ),
        key=ticket.conversation_id,
        subject=clock,
        time=ticket.asked_at,
    )
    asked = (("warn", promise.warn_at), ("breach", promise.due_at))
    alarms = [timers.Alarm(f"{name}:{clock}", at, at + _NOTICE_USEFUL_FOR) for name, at in asked]
    answered_at = conversations.answered_by_person(tx, ticket.conversation_id, ticket.asked_at)
    if promise.name == _FIRST_RESPONSE and answered_at is not None and answered_at <= promise.due_at:
        about: dict[str, Any] = {
            "clock_id": clock,
            "ticket_id": ticket.ticket_id,
            "folio": ticket.folio,
            "conversation_id": ticket.conversation_id,
            "name": promise.name,
            "due_at": promise.due_at,
        }
        tx.state(ClockMet(**about, met_at=answered_at), key=ticket.conversation_id, subject=clock)
        return
    timers.arm_all(tx, ticket.conversation_id, alarms)


def answered(tx: Transaction, conversation_id: str, at: datetime) -> None:
    """Stop the clocks of a first response that a colleague gave in time, in the hub or outside it (R-C9)."""
    # The case may have begun below a post.
    where = {"conversation": conversation_id, "case": cases.open_id_of(tx, conversation_id)}
    for clock in tx.all(_AWAITING_RESPONSE, **where, clock_name=_FIRST_RESPONSE, at=at):
        tx.state(ClockMet(**_about(clock), met_at=at), key=clock.conversation_id, subject=clock.id)


def look_at(tx: Transaction, fired: TimerFired) -> None:
    """Answer a timer's question: warn about a clock or declare it breached, unless that is no longer so."""
    step, _, clock_id = fired.name.partition(":")
    timer = timers.get(tx, fired.name)
    clock = tx.one(_WITH_TICKET, clock=clock_id)
    if timer is None or timer.generation != fired.generation or clock is None:
        return
    about = _about(clock)
    if step == "warn" and clock.state == "running":
        tx.state(ClockWarned(**about), key=clock.conversation_id, subject=clock.id, time=fired.due)
    elif step == "breach" and clock.state in {"running", "warned"}:
        tx.state(ClockBreached(**about), key=clock.conversation_id, subject=clock.id, time=fired.due)


def _about(clock: Row[Any]) -> dict[str, Any]:
    return {
        "clock_id": clock.id,
        "ticket_id": clock.ticket_id,
        "folio": clock.folio,
        "conversation_id": clock.conversation_id,
        "name": clock.name,
        "due_at": clock.due_at,
    }


def of_ticket(tx: Transaction, ticket_id: str) -> Sequence[Row[Any]]:
    """Return the clocks of a ticket, the most pressing first."""
    return tx.all(_OF_TICKET, ticket=ticket_id)


def _apply(tx: Transaction, event: CloudEvent[Any]) -> None:
    data = event.data
    if isinstance(data, ClockStarted):
        tx.write(
            _INSERT,
            id=data.clock_id,
            ticket_id=data.ticket_id,
            name=data.name,
            unit=data.unit,
            started_at=event.time,
            warn_at=data.warn_at,
            due_at=data.due_at,
            state="running",
            policy_version=data.policy_version,
        )
    elif isinstance(data, ClockWarned):
        tx.write(_SET, clock=data.clock_id, new_state="warned")
    elif isinstance(data, ClockBreached):
        tx.write(_SET, clock=data.clock_id, new_state="breached")
    elif isinstance(data, ClockMet):
        tx.write(_SET, clock=data.clock_id, new_state="met")


CLOCKS: Final = Projection(
    "clocks", frozenset({ClockStarted.TYPE, ClockWarned.TYPE, ClockBreached.TYPE, ClockMet.TYPE}), _apply
)
