"""Words that count for every message up to an instant: delivered until then, read until then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, select, update
from sqlalchemy.engine import Row

from hub.contracts import StatusItem
from hub.services import conversations, replies
from hub.store import effects
from hub.store.tables import conversations as conversations_table
from hub.store.tables import messages
from hub.store.transaction import Transaction
from schemas import ids

_REACHED: Final = (
    update(conversations_table)
    .where(conversations_table.c.id == bindparam("conversation"))
    .values(
        delivered_until=conversations.latest(conversations_table.c.delivered_until, "delivered"),
        read_until=conversations.latest(conversations_table.c.read_until, "read"),
    )
)
_MARKED: Final = select(conversations_table.c.id).where(
    conversations_table.c.id.in_(bindparam("conversations", expanding=True)),
    conversations_table.c.delivered_until.is_not(None) | conversations_table.c.read_until.is_not(None),
)
_SENT_UNTIL: Final = (
    select(messages.c.id, messages.c.provider_id)
    .where(
        messages.c.conversation_id == bindparam("conversation"),
        messages.c.direction == "out",
        (messages.c.state == "sent") | (messages.c.state == "delivered"),
        messages.c.sent_at <= bindparam("until"),
    )
    .order_by(messages.c.position)
)


def reached(tx: Transaction, conversation_id: str, status: replies.Word, until: datetime) -> Sequence[Row[Any]]:
    """Keep up to when our messages of a conversation were delivered or read, then return those it is news for."""
    times = {"delivered": until if status == "delivered" else None, "read": until if status == "read" else None}
    tx.write(_REACHED, conversation=conversation_id, **times)
    found = tx.all(_SENT_UNTIL, conversation=conversation_id, until=until)
    replies.lock(tx, (row.id for row in found))
    return found


def behind(tx: Transaction, effect_rows: Sequence[Row[Any]]) -> list[Row[Any]]:
    """Return those replies whose conversation was told to be delivered or read up to some instant."""
    wanted = sorted({row.key for row in effect_rows})
    marked = {row.id for row in tx.all(_MARKED, conversations=wanted)} if wanted else set()
    return [row for row in effect_rows if row.key in marked]


def catch_up(tx: Transaction, effect_id: str) -> None:
    """Apply what was told of all messages up to an instant to one whose sending was told later."""
    row = tx.one(replies.STATE, message=effect_id)
    if row is None or row.sent_at is None or row.state not in {"sent", "delivered"}:
        return
    marks: tuple[tuple[replies.Word, datetime | None], ...] = (
        ("delivered", row.delivered_until),
        ("read", row.read_until),
    )
    for status, until in marks:
        effect = effects.get(tx, effect_id)
        if effect is not None and until is not None and row.sent_at <= until:
            item = StatusItem(effect.asset, effect.provider_id, until, status)
            replies.apply_status(tx, effect, item, ids.derived_event_id(effect_id, "watermark", status, 0))
