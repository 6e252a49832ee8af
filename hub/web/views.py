"""What pages show, read from the store in one look each."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Row

from hub.errors import NotFound
from hub.services import conversations, dead_letters, overview, service_levels, tickets, timeline, windows
from hub.store import deliveries, effects, events
from hub.store.transaction import Transaction
from hub.web.instants import Watch

OWN: Final = "hub"
"""Key of the thread of events that are no conversation's."""

MOST_EVENTS: Final = 50
MOST_DELIVERIES: Final = 30
MOST_TICKETS: Final = 40
MOST_CONSEQUENCES: Final = 100
MOST_LETTERS: Final = 200
MOST_BYTES: Final = 64 * 1024


@dataclass(frozen=True)
class Shown:
    """One event with its data."""

    row: Row[Any]
    data: dict[str, Any]
    depth: int = 0


@dataclass
class Thread:
    """The latest events of one conversation, newest first; those of no conversation share one without a person."""

    key: str
    person: timeline.Person | None
    events: list[Shown] = field(default_factory=list)


@dataclass(frozen=True)
class DeliveryLine:
    """One raw delivery with the type of the first event that came of it."""

    row: Row[Any]
    type: str | None


@dataclass(frozen=True)
class TicketLine:
    """One ticket with its clocks."""

    row: Row[Any]
    clocks: Sequence[Row[Any]]


def watch(tx: Transaction) -> Watch:
    """Return the instant of the page on the company's clocks."""
    return Watch(tx.now, ZoneInfo(tx.policies.attendance.zone))


def home(tx: Transaction) -> dict[str, Any]:
    """Return what came in, what happened, the tickets."""
    rows = timeline.latest(tx, MOST_EVENTS)
    people = timeline.people(tx, (row.key for row in rows))
    threads: dict[str, Thread] = {}
    for row in rows:
        key = row.key if row.key in people else OWN
        threads.setdefault(key, Thread(key, people.get(key))).events.append(_shown(row))
    listed = tickets.listing(tx, MOST_TICKETS)
    clocks = overview.clocks_of(tx, (row.id for row in listed))
    return {
        "watch": watch(tx),
        "deliveries": [
            DeliveryLine(row, overview.first_type(tx, row.id) if row.published else None)
            for row in overview.recent_deliveries(tx, MOST_DELIVERIES)
        ],
        "threads": list(threads.values()),
        "tickets": [TicketLine(row, clocks[row.id]) for row in listed],
    }


def event(tx: Transaction, event_id: str) -> dict[str, Any]:
    """Return an event with what led to it, what it led to.

    Raises:
        NotFound: There is none of that id.
    """
    row = events.get(tx, event_id)
    if row is None:
        msg = f"there is no event {event_id}"
        raise NotFound(msg)
    causes, delivery = _causes(tx, row)
    consequences = _consequences(tx, row)
    effect = effects.get(tx, row.subject) if row.subject else None
    return {
        "watch": watch(tx),
        "event": _shown(row),
        "person": timeline.people(tx, [row.key]).get(row.key),
        "causes": causes,
        "delivery": delivery,
        "consequences": consequences,
        "effect": effect,
    }


def ticket(tx: Transaction, name: str) -> dict[str, Any]:
    """Return a ticket with its clocks, messages, events.

    Raises:
        NotFound: There is none of that name.
    """
    row = tickets.get(tx, name)
    clocks = service_levels.of_ticket(tx, row.id)
    return {
        "watch": watch(tx),
        "ticket": row,
        "person": timeline.people(tx, [row.conversation_id]).get(row.conversation_id),
        "clocks": clocks,
        "window": windows.countdown(tx, conversations.get(tx, row.conversation_id)),
        "messages": list(reversed(conversations.recent_messages(tx, row.conversation_id))),
        "events": [_shown(one) for one in timeline.of_ticket(tx, row, [clock.id for clock in clocks])],
    }


def delivery(tx: Transaction, delivery_id: str) -> dict[str, Any]:
    """Return a raw delivery as it was received, with what its items became.

    Raises:
        NotFound: There is none of that id.
    """
    row = deliveries.get(tx, delivery_id)
    if row is None:
        msg = f"there is no delivery {delivery_id}"
        raise NotFound(msg)
    return {
        "watch": watch(tx),
        "delivery": row,
        "body": _readable(row.body[:MOST_BYTES]),
        "cut": len(row.body) > MOST_BYTES,
        "events": [_shown(one) for one in timeline.of_delivery(tx, delivery_id)],
    }


def letters(tx: Transaction) -> dict[str, Any]:
    """Return the dead letters that wait for a person."""
    found = dead_letters.listing(tx, "open", MOST_LETTERS)
    return {"watch": watch(tx), "letters": found, "count": dead_letters.count_open(tx)}


def _causes(tx: Transaction, row: Row[Any]) -> tuple[list[Shown], Row[Any] | None]:
    """Return what led to an event, the nearest first, with the raw delivery at the root when there is one."""
    found: list[Shown] = []
    seen = {row.id}
    while row.causation and len(found) < MOST_CONSEQUENCES:
        if row.causation.startswith("dl_"):
            return found, deliveries.get(tx, row.causation.partition("/")[0])
        cause = None if row.causation in seen else events.get(tx, row.causation)
        if cause is None:
            break
        seen.add(cause.id)
        found.append(_shown(cause))
        row = cause
    return found, None


def _consequences(tx: Transaction, row: Row[Any]) -> list[Shown]:
    """Return what an event led to, each behind its own cause."""
    found: list[Shown] = []
    seen = {row.id}
    left = [(one, 1) for one in reversed(events.caused_by(tx, row.id))]
    while left and len(found) < MOST_CONSEQUENCES:
        one, depth = left.pop()
        if one.id in seen:
            continue
        seen.add(one.id)
        found.append(_shown(one, depth))
        left += [(next_, depth + 1) for next_ in reversed(events.caused_by(tx, one.id))]
    return found


def _shown(row: Row[Any], depth: int = 0) -> Shown:
    return Shown(row, json.loads(row.data), depth)


def _readable(body: bytes) -> str:
    text = body.decode("utf-8", "replace")
    with contextlib.suppress(ValueError, RecursionError):
        text = json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    # Half a surrogate pair is JSON, yet no page can carry it.
    return text.encode("utf-8", "backslashreplace").decode()
