"""Reads what Meta tells of a chat without anybody having said anything: marks, hand-overs, roles, policies."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from connectors._meta.fields import label, word
from connectors.facebook.chat import Chat
from connectors.facebook.payload import Delivery, Read
from hub.contracts import AccountItem, HandoverItem, Ignored, Item, RefusedItem, StatusItem, WatermarkItem


def delivery(chat: Chat) -> Iterator[Item]:
    """Yield what arrived: the messages that are named, then everything up to the mark."""
    found = chat.read(Delivery)
    psid = chat.envelope.sender.id or ""
    for mid in found.mids:
        yield StatusItem(chat.page, mid, chat.time or found.watermark, "delivered", recipient=psid)
    yield from _watermark(chat, found.watermark, "delivered")


def read(chat: Chat) -> Iterator[Item]:
    """Yield up to when everything was seen."""
    yield from _watermark(chat, chat.read(Read).watermark, "read")


def _watermark(chat: Chat, up_to: datetime | None, status: Any) -> Iterator[Item]:
    if chat.party is None or up_to is None:
        yield Ignored(f"a {status} mark that names no person or no instant")
        return
    instant = int(up_to.timestamp() * 1000)
    who = chat.party.aliases[0].value
    yield WatermarkItem(chat.page, f"{status}/{who}/{instant}", up_to, chat.party, status)


def handover(chat: Chat) -> Iterator[Item]:
    """Yield who has the thread now: Meta tells the app that got it by ``pass``, the one that lost it by ``take``."""
    raw = chat.content
    given = chat.name == "pass_thread_control"
    other = word(raw.get("previous_owner_app_id" if given else "new_owner_app_id"))
    if chat.party is None:
        yield RefusedItem(f"{chat.name} names no person")
        return
    yield HandoverItem(chat.page, chat.digest(), chat.time, chat.party, "hub" if given else "other", other)


def request(chat: Chat) -> Iterator[Item]:
    """Yield that another app wants a thread."""
    app = word(chat.content.get("requested_owner_app_id"))
    yield AccountItem(
        chat.page,
        chat.digest(),
        chat.time,
        chat.name,
        "requested",
        "info",
        "Otra aplicación pide llevar una conversación de la página. Pásala desde la bandeja si corresponde.",
        {"application": app} if app else {},
    )


def roles(chat: Chat) -> Iterator[Item]:
    """Yield which app now comes first on the page."""
    details = {
        app: ", ".join(str(role) for role in given)
        for app, given in chat.content.items()
        if word(app) and isinstance(given, list) and all(word(role) for role in given)
    }
    text = "Cambió qué aplicación atiende primero las conversaciones de la página. Revisa que el hub pueda contestar."
    yield AccountItem(chat.page, chat.digest(), chat.time, chat.name, "changed", "info", text, details)


def policy(chat: Chat) -> Iterator[Item]:
    """Yield that the page was blocked, or set free."""
    raw = chat.content
    action, reason = label(raw.get("action")) or "unknown", label(raw.get("reason"))
    blocked = action != "unblock"
    text = "Facebook bloqueó a la página por sus políticas: no puede enviar mensajes. Revísalo con Dirección."
    yield AccountItem(
        chat.page,
        chat.digest(),
        chat.time,
        "policy_enforcement",
        action,
        "critical" if blocked else "info",
        text if blocked else "Facebook quitó el bloqueo de la página; ya puede enviar mensajes otra vez.",
        {"reason": reason} if reason else {},
        alert="policy",
    )
