"""Messages for later: sent at their instant, dropped past their last useful one, or when the customer writes first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.engine import Row

from hub.services import conversations, replies
from hub.store import timers
from hub.store.tables import scheduled_messages
from hub.store.transaction import Transaction
from schemas.operations import TimerFired
from schemas.replies import ReplyScheduled, ReplyUnscheduled

GROUP: Final = "send-scheduled"
_PREFIX: Final = "scheduled:"

_INSERT: Final = insert(scheduled_messages)
_GET: Final = select(scheduled_messages).where(scheduled_messages.c.id == bindparam("wanted"))
_END: Final = (
    update(scheduled_messages)
    .where(scheduled_messages.c.id == bindparam("wanted"), scheduled_messages.c.state == "planned")
    .values(state=bindparam("new_state"))
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be said later.

    Attributes:
        due: When.
        not_after: Its last useful instant (R-C13); later it is dropped, never delivered late.
        variables: What fills in the template of the intent, should the window be shut by then.
    """

    text: str
    intent: str
    due: datetime
    not_after: datetime
    variables: Mapping[str, str] = field(default_factory=dict)


def plan(tx: Transaction, conversation_id: str, wanted: Plan) -> str:
    """Plan a message, then return its id; it is dropped when the customer writes before it is due."""
    conversation = conversations.get(tx, conversation_id)
    id_ = tx.new_id("sm")
    tx.write(
        _INSERT,
        id=id_,
        conversation_id=conversation_id,
        body={"text": wanted.text, "intent": wanted.intent, "variables": dict(wanted.variables)},
        due=wanted.due,
        not_after=wanted.not_after,
        planned_at=tx.now,
        state="planned",
    )
    fact = ReplyScheduled(
        reply_id=id_,
        conversation_id=conversation_id,
        channel=conversation.channel,
        asset=conversation.asset,
        intent=wanted.intent,
        due=wanted.due,
        not_after=wanted.not_after,
    )
    tx.state(fact, key=conversation_id, subject=id_)
    # Asked about even when it is late: what is dropped is told.
    timers.arm_all(tx, conversation_id, [timers.Alarm(_PREFIX + id_, wanted.due)], group=GROUP)
    return id_


def look_at(tx: Transaction, fired: TimerFired) -> None:
    """Send what is due, or drop it with the reason."""
    row = tx.one(_GET, wanted=fired.name.removeprefix(_PREFIX))
    if row is None or row.state != "planned":
        return
    conversation = conversations.get(tx, row.conversation_id)
    if conversation.last_inbound_at > row.planned_at:
        _drop(tx, row, conversation, "the customer wrote first")
    elif tx.now >= row.not_after:
        _drop(tx, row, conversation, "its last useful instant has passed")
    else:
        tx.run(_END, wanted=row.id, new_state="sent")
        left: timedelta = row.not_after - tx.now
        about: dict[str, Any] = {"intent": row.body["intent"], "variables": row.body["variables"]}
        replies.request(tx, row.conversation_id, row.body["text"], useful_for=left, started=True, **about)


def cancel(tx: Transaction, id_: str) -> bool:
    """Take a planned message back; False when it was sent or dropped before, or never was."""
    row = tx.one(_GET, wanted=id_)
    if row is None or row.state != "planned":
        return False
    _drop(tx, row, conversations.get(tx, row.conversation_id), "it was taken back")
    return True


def _drop(tx: Transaction, row: Row[Any], conversation: Row[Any], reason: str) -> None:
    tx.run(_END, wanted=row.id, new_state="dropped")
    fact = ReplyUnscheduled(
        reply_id=row.id,
        conversation_id=row.conversation_id,
        channel=conversation.channel,
        asset=conversation.asset,
        intent=row.body["intent"],
        reason=reason,
    )
    tx.state(fact, key=row.conversation_id, subject=row.id)
