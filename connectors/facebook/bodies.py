"""Makes what a Messenger message holds, within what Facebook takes.

Source: facts 4.7 (2026-11).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from hub.contracts import Rejected

MAX_TEXT: Final = 1999
"""A text stays below 2,000 characters."""

MAX_QUICK_REPLIES: Final = 13
MAX_TITLE: Final = 20
MAX_PAYLOAD: Final = 1000

FILES: Final = {"image": "image", "video": "video", "audio": "audio", "voice": "audio", "document": "file"}
"""What Messenger calls each kind of file."""

_ATTACHMENT_ID: Final = re.compile(r"[0-9]{1,32}", re.ASCII)


def message_of(payload: Mapping[str, Any]) -> dict[str, Any] | Rejected:
    """Return what is sent, or why Messenger would never take it."""
    text = payload.get("text")
    if not isinstance(text, str):
        text = ""
    if payload.get("file"):
        return _file(payload["file"], text)
    wrong = unfit(text)
    if wrong:
        return wrong
    if payload.get("asks_location"):
        return Rejected("location_request", "Messenger ya no permite pedir la ubicación. Pídela con palabras.")
    choices = _choices(payload)
    return _offering(text, choices) if choices else {"text": text}


def _offering(text: str, choices: list[tuple[str, str]]) -> dict[str, Any] | Rejected:
    titles = [title for title, _ in choices]
    if len(choices) > MAX_QUICK_REPLIES or any(not 0 < len(title.strip()) <= MAX_TITLE for title in titles):
        limits = f"hasta {MAX_QUICK_REPLIES} opciones de 1 a {MAX_TITLE} caracteres"
        return Rejected("buttons", f"Messenger admite {limits}. Acórtalas o divide el mensaje.")
    if any(not 0 < len(id_) <= MAX_PAYLOAD for _, id_ in choices):
        return Rejected("buttons", "Una opción no tiene identificador utilizable. Avisa a soporte del hub.")
    return {
        "text": text,
        "quick_replies": [{"content_type": "text", "title": title, "payload": id_} for title, id_ in choices],
    }


def unfit(text: object) -> Rejected | None:
    """Return why a text cannot be sent; None when it can."""
    if not isinstance(text, str) or not text.strip():
        return Rejected("empty_text", "El mensaje no tiene texto. Escríbelo de nuevo.")
    if len(text) > MAX_TEXT:
        return Rejected("text_too_long", f"El texto pasa de {MAX_TEXT} caracteres. Divídelo en varios mensajes.")
    return None


def _choices(payload: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what can be picked; Messenger has no lists, so their rows become quick replies."""
    menu = payload.get("menu") or {}
    rows = [row for section in menu.get("sections", ()) for row in section["rows"]]
    return [(one["title"], one["id"]) for one in [*payload.get("buttons", ()), *rows]]


def _file(file: Mapping[str, Any], text: str) -> dict[str, Any] | Rejected:
    kind, id_, link = FILES.get(file.get("kind", "")), file.get("id"), file.get("link")
    if kind is None:
        return Rejected("request", "El hub armó mal el mensaje para Facebook. Avisa a soporte del hub.")
    if text:
        return Rejected("caption", "En Messenger un archivo va sin texto. Envía el texto en otro mensaje.")
    if isinstance(id_, str) and _ATTACHMENT_ID.fullmatch(id_) and link is None:
        return {"attachment": {"type": kind, "payload": {"attachment_id": id_}}}
    if id_ is None and isinstance(link, str) and link.startswith("https://"):
        return {"attachment": {"type": kind, "payload": {"url": link, "is_reusable": True}}}
    return Rejected("file", "El archivo no tiene una dirección https pública ni se ha subido. Adjúntalo de nuevo.")
