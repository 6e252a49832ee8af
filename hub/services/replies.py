"""What we say to customers: asked for here, carried out by an effect, followed to its end."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.engine import Row

from hub.contracts import StatusItem
from hub.errors import NotFound
from hub.services import conversations
from hub.store import deliveries, effects
from hub.store.tables import messages
from hub.store.transaction import Origin, Transaction, UnitOfWork
from schemas.envelope import EventData
from schemas.replies import ReplyDelivered, ReplyDoubtful, ReplyFailed, ReplyRead, ReplyRequested, ReplySent

KIND: Final = "send_message"
_NOBODY: Final = Origin("", "replies", "hub")

# How far a message has come; a lower rank never replaces a higher one (CI-03).
_RANK: Final = {"requested": 0, "doubtful": 1, "sent": 2, "failed": 3, "delivered": 4, "read": 5}

_STATE: Final = select(messages.c.state).where(messages.c.id == bindparam("message"))
_SET_STATE: Final = (
    update(messages)
    .where(messages.c.id == bindparam("message"))
    .values(state=bindparam("new_state"), provider_id=func.coalesce(bindparam("taken_as"), messages.c.provider_id))
)


def lock(tx: Transaction, effect_ids: Iterable[str]) -> None:
    """Let nobody else move these replies on: a status may come while the answer of the call is recorded."""
    tx.lock("effect", effect_ids)


def lock_sent(tx: Transaction, places: Iterable[tuple[str, str, str]]) -> None:
    """Let nobody else decide whose messages of the provider these are, by connector, asset, the provider's id.

    A status of a message that nobody knows waits for whoever learns its id: neither may miss the other.
    """
    tx.lock("sent", ("/".join(place) for place in places))


def request(
    tx: Transaction, conversation_id: str, text: str, *, intent: str, useful_for: timedelta, case_id: str | None = None
) -> str:
    """Ask for a text to be sent on the conversation's own channel, then return the reply's id."""
    conversation = conversations.get(tx, conversation_id)
    reply = tx.new_id("ef")
    event = tx.state(
        ReplyRequested(
            reply_id=reply,
            conversation_id=conversation_id,
            channel=conversation.channel,
            asset=conversation.asset,
            case_id=case_id,
            intent=intent,
            text=text,
        ),
        key=conversation_id,
        subject=reply,
    )
    conversations.record_outgoing(
        tx,
        {
            "id": reply,
            "conversation_id": conversation_id,
            "case_id": case_id,
            "direction": "out",
            "connector": conversation.connector,
            "asset": conversation.asset,
            "provider_id": None,
            "kind": "text",
            "text": text,
            "state": "requested",
            "time": tx.now,
            "received_at": tx.now,
            "event_id": event.id,
        },
    )
    effects.request(
        tx,
        {
            "id": reply,
            "kind": KIND,
            "connector": conversation.connector,
            "asset": conversation.asset,
            "key": conversation_id,
            "reply_to": conversation.reply_to,
            "payload": {"text": text, "channel": conversation.channel},
            "useful_until": tx.now + useful_for,
        },
    )
    return reply


def sent(
    tx: Transaction,
    effect: Row[Any],
    provider_id: str,
    attempt: int,
    event_id: str,
    *,
    time: datetime | None = None,
) -> None:
    """State that the provider took a reply; ``time`` is the provider's own, when it tells."""
    data = ReplySent(**_about(effect), provider_message_id=provider_id, attempt=attempt)
    _tell(tx, effect, data, event_id, time)
    tx.write(_SET_STATE, message=effect.id, new_state="sent", taken_as=provider_id)


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
    row = tx.one(_STATE, message=effect.id)
    current = "requested" if row is None else row.state
    if _RANK[item.status] <= _RANK[current]:
        if effect.state == "accepted":
            effects.move(tx, effect, "confirmed")
        return False
    if item.status == "failed":
        effects.move(
            tx, effect, "failed", provider_id=item.provider_id, code=item.code, explanation_es=item.explanation_es
        )
        failed(tx, effect, item.code, item.explanation_es, effect.attempts, event_id, told=item)
        return True
    effects.move(tx, effect, "confirmed", provider_id=item.provider_id)
    if item.status == "sent":
        sent(tx, effect, item.provider_id, effect.attempts, event_id, time=item.time)
        return True
    about = {**_about(effect), "provider_message_id": item.provider_id}
    data: EventData = ReplyDelivered(**about) if item.status == "delivered" else ReplyRead(**about)
    _tell(tx, effect, data, event_id, item.time)
    tx.write(_SET_STATE, message=effect.id, new_state=item.status, taken_as=item.provider_id)
    return True


def apply_waiting(unit: UnitOfWork, effect_id: str, provider_id: str) -> None:
    """Apply the statuses that came before anybody knew whose message they speak of, in the order they came."""
    effect = _must(effects.get(unit.begin(_NOBODY), effect_id))
    for waiting in deliveries.waiting_for(unit.begin(_NOBODY), effect.connector, effect.asset, provider_id):
        place = f"{waiting.delivery_id}/{waiting.item}"
        tx = unit.begin(Origin(place, "ingest", "provider", effect.traceparent, waiting.received_at))
        item = StatusItem(**{**waiting.body, "time": datetime.fromisoformat(waiting.body["time"])})
        told = apply_status(tx, _must(effects.get(tx, effect_id)), item, waiting.id)
        deliveries.stop_waiting(tx, waiting.id)
        deliveries.add_counts(tx, waiting.delivery_id, {"waiting": -1, "published" if told else "ignored": 1})


def _must(effect: Row[Any] | None) -> Row[Any]:
    if effect is None:
        msg = "an effect is gone although nothing deletes effects"
        raise NotFound(msg)
    return effect


def _about(effect: Row[Any]) -> dict[str, Any]:
    return {
        "reply_id": effect.id,
        "conversation_id": effect.key,
        "channel": effect.payload["channel"],
        "asset": effect.asset,
    }


def _tell(tx: Transaction, effect: Row[Any], data: EventData, event_id: str, time: datetime | None = None) -> None:
    tx.state(data, key=effect.key, subject=effect.id, id=event_id, time=time)
