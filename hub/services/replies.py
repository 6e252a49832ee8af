"""What we say to customers: asked for here, carried out by an effect, followed to its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.engine import Row

from hub.contracts import Content, StatusItem
from hub.services import channels, conversations, leaving, service_levels, templates
from hub.store import effects
from hub.store.tables import conversations as conversations_table
from hub.store.tables import messages
from hub.store.transaction import Transaction
from schemas import ids
from schemas.content import Attachment, Pricing
from schemas.envelope import EventData
from schemas.replies import ReplyDelivered, ReplyDoubtful, ReplyFailed, ReplyRead, ReplyRequested, ReplySent

KIND: Final = leaving.CHAT
Word = Literal["delivered", "read"]

# How far a message has come; a lower rank never replaces a higher one (CI-03).
_RANK: Final = {"requested": 0, "doubtful": 1, "sent": 2, "failed": 3, "delivered": 4, "read": 5}

STATE: Final = (
    select(
        messages.c.state,
        messages.c.pricing,
        messages.c.sent_at,
        conversations_table.c.delivered_until,
        conversations_table.c.read_until,
    )
    .join(conversations_table, conversations_table.c.id == messages.c.conversation_id)
    .where(messages.c.id == bindparam("message"))
)
_SET_STATE: Final = (
    update(messages)
    .where(messages.c.id == bindparam("message"))
    .values(state=bindparam("new_state"), provider_id=func.coalesce(bindparam("taken_as"), messages.c.provider_id))
)
_WAS_SENT: Final = (
    update(messages)
    .where(
        messages.c.id == bindparam("message"),
        messages.c.sent_at.is_(None) | (messages.c.sent_at > bindparam("at", type_=messages.c.sent_at.type)),
    )
    .values(sent_at=bindparam("at", type_=messages.c.sent_at.type))
)
_COST: Final = update(messages).where(messages.c.id == bindparam("message")).values(pricing=bindparam("prices"))


def lock(tx: Transaction, effect_ids: Iterable[str]) -> None:
    """Let nobody else move these replies on: a status may come while the answer of the call is recorded."""
    tx.lock("effect", effect_ids)


def lock_sent(tx: Transaction, places: Iterable[tuple[str, str, str]]) -> None:
    """Let nobody else decide whose messages of the provider these are, by connector, asset, the provider's id.

    A status of a message that nobody knows waits for whoever learns its id: neither may miss the other.
    """
    tx.lock("sent", ("/".join(place) for place in places))


def request(  # noqa: PLR0913 - what one reply is, word by word
    tx: Transaction,
    conversation_id: str,
    text: str,
    *,
    intent: str,
    useful_for: timedelta,
    case_id: str | None = None,
    kind: str = KIND,
    reply_to: Mapping[str, str] | None = None,
    content: Content | None = None,
    variables: Mapping[str, str] | None = None,
    written_by: Literal["hub", "person"] = "hub",
    started: bool = False,
    attachments: Sequence[Attachment] = (),
) -> str:
    """Ask for something to be said on the conversation's own channel, then return the reply's id.

    When the provider's free-form window is shut the template of the intent is sent instead; without one the reply
    fails at once, with what to do (R-C13). The window is looked at again before the call.

    Args:
        tx: The transaction.
        conversation_id: Where it is said.
        text: What is said, below a file or above buttons.
        intent: Why, e.g. ``greeting``; templates are mapped to it.
        useful_for: How long it makes sense to send it.
        case_id: The case that it belongs to.
        kind: What the channel is asked to do.
        reply_to: Whom to send it to, other than whom the conversation is with.
        content: What goes with the text.
        variables: What fills in the template of the intent, by name.
        written_by: Some channels take a person's words longer than the hub's.
        started: It answers nothing that was asked: whoever opted out does not get it (R-C12).
        attachments: How the file of the content is told, when it is the hub's own.
    """
    conversation = conversations.get(tx, conversation_id)
    reply = tx.new_id("ef")
    what = content or Content()
    more = {"variables": dict(variables or {}), "written_by": written_by, "started": started}
    asked = {**what.payload(), "text": text, "channel": conversation.channel, "intent": intent}
    asked |= {name: value for name, value in more.items() if value and value != "hub"}
    found = leaving.form(tx, conversation, asked) if kind == KIND else asked
    payload = asked if isinstance(found, leaving.Shut) else found
    template = payload.get("template")
    data = ReplyRequested(
        reply_id=reply,
        conversation_id=conversation_id,
        channel=conversation.channel,
        asset=conversation.asset,
        case_id=case_id,
        intent=intent,
        text=payload["text"],
        kind="template" if template else what.kind,
        written_by=written_by,
        template=template["name"] if template else None,
        attachments=() if template else tuple(attachments),
    )
    event = tx.state(data, key=conversation_id, subject=reply)
    conversations.record_outgoing(tx, conversation, data, event.id, "requested" if payload is found else "failed")
    effect = {
        "id": reply,
        "kind": kind,
        "connector": conversation.connector,
        "asset": conversation.asset,
        "key": conversation_id,
        "reply_to": conversation.reply_to if reply_to is None else dict(reply_to),
        "payload": payload,
        "useful_until": tx.now + useful_for,
    }
    if isinstance(found, leaving.Shut):
        effects.refuse(tx, effect, *found)
        _refused(tx, data, found)
    else:
        effects.request(tx, effect)
    return reply


def _refused(tx: Transaction, asked: ReplyRequested, why: leaving.Shut) -> None:
    """State that a reply will not even be tried."""
    about = {name: getattr(asked, name) for name in ("reply_id", "conversation_id", "channel", "asset")}
    fact = ReplyFailed(**about, code=why.code, explanation_es=why.explanation_es, attempt=0)
    event_id = ids.effect_event_id(asked.reply_id, 0, "failed")
    tx.state(fact, key=asked.conversation_id, subject=asked.reply_id, id=event_id)


def sent(
    tx: Transaction,
    effect: Row[Any],
    provider_id: str,
    attempt: int,
    event_id: str,
    *,
    time: datetime | None = None,
    pricing: Pricing | None = None,
) -> None:
    """State that the provider took a reply; ``time`` is the provider's own, when it tells."""
    data = ReplySent(**_about(effect), provider_message_id=provider_id, attempt=attempt, pricing=pricing)
    _tell(tx, effect, data, event_id, time)
    tx.write(_SET_STATE, message=effect.id, new_state="sent", taken_as=provider_id)
    tx.write(_WAS_SENT, message=effect.id, at=time or tx.now)
    _left(tx, effect, time or tx.now)


def _left(tx: Transaction, effect: Row[Any], at: datetime) -> None:
    """Draw what follows from a reply that left, once."""
    if effect.payload.get("written_by") == "person":
        service_levels.answered(tx, effect.key, at)
    if effect.payload.get("template"):
        templates.count(tx, effect.connector, effect.asset)


def failed(
    tx: Transaction,
    effect: Row[Any],
    code: str,
    explanation_es: str,
    attempt: int,
    event_id: str,
    *,
    told: StatusItem | None = None,
) -> None:
    """State that a reply will not arrive; ``told`` is the status that says so, when it is the provider's word."""
    data = ReplyFailed(**_about(effect), code=code, explanation_es=explanation_es, attempt=attempt)
    _tell(tx, effect, data, event_id, None if told is None else told.time)
    taken_as = None if told is None else told.provider_id
    tx.write(_SET_STATE, message=effect.id, new_state="failed", taken_as=taken_as)


def doubtful(tx: Transaction, effect: Row[Any], reason: str, attempt: int, event_id: str) -> None:
    """State that only a person can find out whether a reply was taken."""
    _tell(tx, effect, ReplyDoubtful(**_about(effect), reason=reason, attempt=attempt), event_id)
    tx.write(_SET_STATE, message=effect.id, new_state="doubtful", taken_as=None)


def apply_status(tx: Transaction, effect: Row[Any], item: StatusItem, event_id: str) -> bool:
    """Move a reply on by what the provider tells of it; False when that is no news.

    Any order of statuses ends the same: sent < delivered < read, failed only before delivered. A status also settles
    an effect whose answer was lost.
    """
    if _is_of_a_spent_attempt(effect, item):
        return False
    row = tx.one(STATE, message=effect.id)
    current = "requested" if row is None else row.state
    if row is not None:
        _keep_facts(tx, effect, row, item)
    if _RANK[item.status] <= _RANK[current]:
        if effect.state == "accepted":
            effects.move(tx, effect, "confirmed")
        return False
    if item.status == "failed":
        effects.move(
            tx, effect, "failed", provider_id=item.provider_id, code=item.code, explanation_es=item.explanation_es
        )
        failed(tx, effect, item.code, item.explanation_es, effect.attempts, event_id, told=item)
        if item.stops_channel:
            channels.stopped(tx, effect.connector, effect.asset, item.code, item.explanation_es, event_id=event_id)
        return True
    effects.move(tx, effect, "confirmed", provider_id=item.provider_id)
    if item.status == "sent":
        sent(tx, effect, item.provider_id, effect.attempts, event_id, time=item.time, pricing=item.pricing)
        return True
    about = {**_about(effect), "provider_message_id": item.provider_id, "pricing": item.pricing}
    data: EventData = ReplyDelivered(**about) if item.status == "delivered" else ReplyRead(**about)
    _tell(tx, effect, data, event_id, item.time)
    tx.write(_SET_STATE, message=effect.id, new_state=item.status, taken_as=item.provider_id)
    if _RANK[current] < _RANK["sent"]:
        # The word that it was sent was overtaken, or lost.
        _left(tx, effect, item.time or tx.now)
    return True


def _is_of_a_spent_attempt(effect: Row[Any], item: StatusItem) -> bool:
    """Tell whether this is late word on an attempt that failed, after which a person had the message tried anew.

    That it arrived after all counts from any attempt; that one was sent, or failed, says nothing of the next.
    """
    if item.status == "failed" and effect.state == "intent":
        return True
    if effect.provider_id is None:
        return False
    if effect.state in {"intent", "sending"}:
        return item.provider_id == effect.provider_id and item.status in {"sent", "failed"}
    return item.provider_id != effect.provider_id and item.status == "failed"


def _keep_facts(tx: Transaction, effect: Row[Any], row: Row[Any], item: StatusItem) -> None:
    """Keep what counts in whatever order statuses come: when it was sent, what each says of its price."""
    if item.status == "sent" and item.time is not None:
        tx.write(_WAS_SENT, message=effect.id, at=item.time)
    if item.pricing is not None:
        known = dict(row.pricing or {})
        told = item.pricing.model_dump(mode="json", exclude_none=True)
        known[item.status] = max(told, known.get(item.status, {}), key=lambda price: sorted(map(str, price.items())))
        tx.write(_COST, message=effect.id, prices=known)


def _about(effect: Row[Any]) -> dict[str, Any]:
    return {
        "reply_id": effect.id,
        "conversation_id": effect.key,
        "channel": effect.payload["channel"],
        "asset": effect.asset,
    }


def _tell(tx: Transaction, effect: Row[Any], data: EventData, event_id: str, time: datetime | None = None) -> None:
    tx.state(data, key=effect.key, subject=effect.id, id=event_id, time=time)
