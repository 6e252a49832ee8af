"""Decides in what form a message may leave now: in our own words, by a template, or not at all (R-C13)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import bindparam, update
from sqlalchemy.engine import Row

from hub.domain import send_window
from hub.services import conversations, suppression, templates
from hub.store.tables import effects, messages
from hub.store.transaction import Transaction


class Shut(NamedTuple):
    """Why something may not leave; said before anything was tried."""

    code: str
    explanation_es: str


CHAT: Final = "send_message"
"""The one kind of effect that windows are about: comments have rules of their own."""

PUBLIC: Final = "comment_reply"
"""An answer below a comment: what the provider tells of it carries no id of ours."""

_SHUT_ES: Final = (
    "Pasó el plazo para escribirle libremente (24 horas desde su último mensaje) y {why}. No se envió nada: "
    "llámale o escríbele por correo, o espera a que vuelva a escribir."
)
_STOPPED: Final = Shut(
    "opted_out",
    "La persona pidió no recibir mensajes que inicia la empresa (BAJA). No se envió nada; si escribe ALTA se reanuda.",
)
_HELD: Final = Shut(
    "thread_held",
    "Otra aplicación lleva esta conversación: el hub no contesta solo hasta que se la devuelvan. Una persona sí puede.",
)
_NO_INTENT_ES: Final = "este mensaje no tiene plantilla"
_REWRITE: Final = (
    update(effects)
    .where(effects.c.id == bindparam("effect"))
    .values(payload=bindparam("rewritten", type_=effects.c.payload.type))
)
# What a person reads in the conversation is what the customer got.
_RETELL: Final = (
    update(messages).where(messages.c.id == bindparam("message")).values(kind="template", text=bindparam("words"))
)


def form(tx: Transaction, conversation: Row[Any], payload: Mapping[str, Any]) -> dict[str, Any] | Shut:
    """Return what a chat message has to be to leave now, or why it may not.

    Args:
        tx: The transaction.
        conversation: Where it is said.
        payload: What is to be said: ``written_by`` tells a person from the hub, ``intent`` with ``variables`` lead to
            a template, ``started`` says that nobody asked for it.
    """
    if payload.get("started") and suppression.is_stopped(tx, conversation.contact_id):
        return _STOPPED
    by_person = payload.get("written_by") == "person"
    if not by_person and conversations.is_held(conversation):
        return _HELD
    window = send_window.of(conversation.channel, conversation.window_opened_at)
    if window is None or payload.get("template") is not None:
        return dict(payload)
    manner = window.manner(tx.now, by_person=by_person)
    if manner == "shut":
        return _templated(tx, conversation, payload)
    until = window.free_until if manner == "free" else window.person_until
    assert until is not None  # noqa: S101 - no manner but shut without an instant
    return {**payload, "window": "free" if manner == "free" else "human_agent", "window_until": until.isoformat()}


def look_again(tx: Transaction, effect: Row[Any]) -> Shut | None:
    """Look before a call whether a message may still leave; change its form when the window has moved on."""
    if effect.kind != CHAT or (_is_in_time(effect.payload, tx.now) and not effect.payload.get("started")):
        return None
    found = form(tx, conversations.get(tx, effect.key), effect.payload)
    if isinstance(found, Shut):
        return found
    if found != effect.payload:
        tx.run(_REWRITE, effect=effect.id, rewritten=found)
    if found.get("template") and not effect.payload.get("template"):
        tx.run(_RETELL, message=effect.id, words=found["text"])
    return None


def _is_in_time(payload: Mapping[str, Any], now: datetime) -> bool:
    """Tell from the message alone: a window only ever moves on, so the one that it was asked for in is enough."""
    until = payload.get("window_until")
    if until is None:
        return payload.get("template") is not None
    return now + send_window.MARGIN < datetime.fromisoformat(until)


def _templated(tx: Transaction, conversation: Row[Any], payload: Mapping[str, Any]) -> dict[str, Any] | Shut:
    if suppression.is_stopped(tx, conversation.contact_id):
        return _STOPPED
    intent = payload.get("intent")
    if not isinstance(intent, str):
        return Shut("window", _SHUT_ES.format(why=_NO_INTENT_ES))
    found = templates.fill(tx, conversation.connector, intent, payload.get("variables") or {})
    if isinstance(found, str):
        return Shut("window", _SHUT_ES.format(why=found))
    kept = {name: value for name, value in payload.items() if name not in {"window", "window_until"}}
    return {**kept, "template": found.parts, "text": found.text}
