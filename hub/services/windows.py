"""Watches the free-form windows of conversations: warns before one closes on somebody who waits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import bindparam, func, select
from sqlalchemy.engine import Row

from hub.domain import send_window
from hub.services import conversations
from hub.store import timers
from hub.store.tables import contacts
from hub.store.tables import conversations as conversations_table
from hub.store.transaction import Transaction
from schemas.conversations import ConversationWindowClosing
from schemas.operations import TimerFired

GROUP: Final = "watch-windows"
_PREFIX: Final = "window:"

_OPEN: Final = (
    select(conversations_table, contacts.c.display_name)
    .join(contacts, contacts.c.id == conversations_table.c.contact_id)
    .where(conversations_table.c.window_opened_at.is_not(None) | (conversations_table.c.holder == "other"))
    .order_by(func.coalesce(conversations_table.c.window_opened_at, conversations_table.c.holder_since).desc())
    .limit(bindparam("limit"))
)


class Countdown(NamedTuple):
    """How long a conversation may still be answered in our own words; ``other`` holds it while the hub keeps silent."""

    conversation_id: str
    channel: str
    name: str | None
    free_until: datetime | None
    person_until: datetime | None
    seconds_left: int
    waits: bool
    holder: str | None


def watch(tx: Transaction, conversation_id: str) -> None:
    """Ask to be told before the window of a conversation closes; a later message moves the question."""
    conversation = conversations.get(tx, conversation_id)
    window = send_window.of(conversation.channel, conversation.window_opened_at)
    if window is None or window.free_until is None or window.free_until <= tx.now:
        return
    due = max(window.free_until - send_window.WARN_BEFORE, tx.now)
    alarm = timers.Alarm(f"{_PREFIX}{conversation_id}", due, window.free_until)
    timers.arm_all(tx, conversation_id, [alarm], group=GROUP)


def look_at(tx: Transaction, fired: TimerFired) -> None:
    """Say that a window is about to close, unless it has moved on or nobody waits for an answer."""
    timer = timers.get(tx, fired.name)
    if timer is None or timer.generation != fired.generation:
        return
    conversation = conversations.get(tx, fired.name.removeprefix(_PREFIX))
    window = send_window.of(conversation.channel, conversation.window_opened_at)
    if window is None or window.free_until is None:
        return
    if window.free_until - send_window.WARN_BEFORE > tx.now or not waits(tx, conversation.id):
        return
    fact = ConversationWindowClosing(
        conversation_id=conversation.id,
        contact_id=conversation.contact_id,
        channel=conversation.channel,
        asset=conversation.asset,
        free_until=window.free_until,
        person_until=window.person_until,
    )
    tx.state(fact, key=conversation.id, subject=conversation.id, time=fired.due)


def waits(tx: Transaction, conversation_id: str) -> bool:
    """Tell whether somebody waits: since they wrote last no person answered; the hub's own greeting is no answer."""
    for message in conversations.recent_messages(tx, conversation_id):
        if message.direction == "in":
            return True
        if message.state == "echoed" or (message.written_by == "person" and message.state != "failed"):
            return False
    return False


def countdown(tx: Transaction, conversation: Row[Any], name: str | None = None) -> Countdown | None:
    """Return the time left in a conversation; None where the channel has no windows."""
    window = send_window.of(conversation.channel, conversation.window_opened_at)
    if window is None:
        return None
    left = int(window.left(tx.now).total_seconds())
    about = (conversation.id, conversation.channel, name, window.free_until, window.person_until)
    return Countdown(*about, left, waits(tx, conversation.id), conversation.holder)


def listing(tx: Transaction, limit: int) -> Sequence[Countdown]:
    """Return the conversations whose window was opened last, the one with most time left first."""
    found = (countdown(tx, row, row.display_name) for row in tx.all(_OPEN, limit=limit))
    return [one for one in found if one is not None]
