"""Looks at the log as people do: the newest first, what goes with a ticket, what led to what."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import bindparam, select
from sqlalchemy.engine import Row

from hub.store.tables import contacts, conversations, events, messages
from hub.store.transaction import Transaction
from schemas.envelope import schema_address
from schemas.personal import masked

NEWEST: Final = 2**62


class Person(NamedTuple):
    """Who is at the other end of a conversation."""

    channel: str
    name: str | None


_WITH_PREFIX: Final = events.c.type.startswith(bindparam("prefix"))
_OF_KEY: Final = events.c.key == bindparam("wanted_key")
_BEFORE: Final = (
    select(events)
    .where(events.c.position < bindparam("before"), _WITH_PREFIX)
    .order_by(events.c.position.desc())
    .limit(bindparam("limit"))
)
_BEFORE_OF_KEY: Final = _BEFORE.where(_OF_KEY)
_AFTER: Final = (
    select(events)
    .where(events.c.position > bindparam("after"), _WITH_PREFIX)
    .order_by(events.c.position)
    .limit(bindparam("limit"))
)
_AFTER_OF_KEY: Final = _AFTER.where(_OF_KEY)
_ABOUT: Final = (
    select(events)
    .where(
        events.c.key.in_(bindparam("keys", expanding=True)), events.c.subject.in_(bindparam("subjects", expanding=True))
    )
    .order_by(events.c.position)
)
_OF_DELIVERY: Final = (
    select(events)
    .where(events.c.causation > bindparam("first"), events.c.causation < bindparam("last"))
    .order_by(events.c.position)
)
_PEOPLE: Final = (
    select(conversations.c.id, conversations.c.channel, contacts.c.display_name)
    .join(contacts, contacts.c.id == conversations.c.contact_id)
    .where(conversations.c.id.in_(bindparam("ids", expanding=True)))
)
# A case may go on in another conversation of the same person: what began below a post, in the chat.
_MESSAGES_OF_CASE: Final = (
    select(messages.c.id, messages.c.conversation_id)
    .join(conversations, conversations.c.id == messages.c.conversation_id)
    .where(conversations.c.contact_id == bindparam("contact"), messages.c.case_id == bindparam("case"))
)


def latest(
    tx: Transaction, limit: int, *, before: int = NEWEST, type_prefix: str = "", key: str | None = None
) -> Sequence[Row[Any]]:
    """Return the newest events, newest first."""
    given = {"before": before, "limit": limit, "prefix": _like(type_prefix)}
    return tx.all(_BEFORE, **given) if key is None else tx.all(_BEFORE_OF_KEY, **given, wanted_key=key)


def following(
    tx: Transaction, after: int, limit: int, *, type_prefix: str = "", key: str | None = None
) -> Sequence[Row[Any]]:
    """Return the events after a position, oldest first."""
    given = {"after": after, "limit": limit, "prefix": _like(type_prefix)}
    return tx.all(_AFTER, **given) if key is None else tx.all(_AFTER_OF_KEY, **given, wanted_key=key)


def of_ticket(tx: Transaction, ticket: Row[Any], clock_ids: Iterable[str]) -> Sequence[Row[Any]]:
    """Return the events about a ticket, its case, the case's messages, its clocks, oldest first."""
    case = tx.all(_MESSAGES_OF_CASE, contact=ticket.contact_id, case=ticket.case_id)
    subjects = sorted({ticket.id, ticket.case_id, *clock_ids, *(row.id for row in case)})
    keys = sorted({ticket.conversation_id, *(row.conversation_id for row in case)})
    return tx.all(_ABOUT, keys=keys, subjects=subjects)


def of_delivery(tx: Transaction, delivery_id: str) -> Sequence[Row[Any]]:
    """Return the events that the items of a raw delivery became, in order."""
    # Items are DELIVERY/0, DELIVERY/1 …; the character after the slash is the zero.
    return tx.all(_OF_DELIVERY, first=f"{delivery_id}/", last=f"{delivery_id}0")


def people(tx: Transaction, conversation_ids: Iterable[str]) -> dict[str, Person]:
    """Return who is at the other end of conversations; ids that are none are left out."""
    wanted = sorted(set(conversation_ids))
    return {row.id: Person(row.channel, row.display_name) for row in tx.all(_PEOPLE, ids=wanted)} if wanted else {}


def document(row: Row[Any], *, show_content: bool) -> dict[str, Any]:
    """Return an event as a CloudEvent in JSON, with its position; personal data is masked unless asked for."""
    data = json.loads(row.data)
    return {
        "specversion": "1.0",
        "id": row.id,
        "source": row.source,
        "type": row.type,
        "subject": row.subject,
        "time": _utc(row.time),
        "receivedat": _utc(row.receivedat),
        "datacontenttype": "application/json",
        "dataschema": schema_address(row.type),
        "partitionkey": row.key,
        "traceparent": row.traceparent,
        "actor": row.actor,
        "causation": row.causation,
        "position": row.position,
        "data": data if show_content else masked(row.type, data),
    }


def _like(prefix: str) -> str:
    return prefix.replace("%", "")


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
