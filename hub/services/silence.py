"""Takes back what the hub was about to say by itself, once a colleague or another application speaks (R-C9)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy.engine import Row

from hub.services import conversations, leaving, replies
from hub.store import effects, unsettled
from hub.store.transaction import Transaction
from schemas import ids

_ANSWERED_ES: Final = "Un colega ya contestó; esta respuesta automática no se envió."
_TAKEN_ES: Final = "Otra aplicación tomó la conversación antes de que saliera esta respuesta automática; no se envió."
_PRIVATE: Final = "private_reply"


def after_colleague(tx: Transaction, conversation_id: str, at: datetime) -> None:
    """Take back our own answers, unless the customer wrote again after the colleague did."""
    heard = (row.time for row in conversations.recent_messages(tx, conversation_id) if row.direction == "in")
    if at >= max(heard, default=at):
        _take_back(tx, conversation_id, {leaving.CHAT, leaving.PUBLIC, _PRIVATE}, "answered_outside", _ANSWERED_ES)


def after_hand_over(tx: Transaction, conversation_id: str) -> None:
    """Take back what was to be said in a thread that another application has."""
    if conversations.is_held(conversations.get(tx, conversation_id)):
        _take_back(tx, conversation_id, {leaving.CHAT}, "thread_held", _TAKEN_ES)


def _take_back(tx: Transaction, conversation_id: str, kinds: set[str], code: str, explanation_es: str) -> None:
    for effect in unsettled.intents(tx, conversation_id):
        if effect.kind in kinds and _is_automatic(effect):
            if not effects.move(tx, effect, "failed", code=code, explanation_es=explanation_es):
                continue
            event_id = ids.effect_event_id(effect.id, effect.attempts, "failed")
            replies.failed(tx, effect, code, explanation_es, effect.attempts, event_id)


def _is_automatic(effect: Row[Any]) -> bool:
    """Tell whether nobody asked for it by hand: what was planned to be said stays planned."""
    return effect.payload.get("written_by") != "person" and not effect.payload.get("started")
