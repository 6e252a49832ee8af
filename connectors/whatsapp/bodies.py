"""Makes the request of each kind of message, within what WhatsApp takes.

Source: facts 3.2 (payloads), 3.3 (limits), 2026-11.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from hub.contracts import Rejected

MAX_TEXT: Final = 4096
MAX_INTERACTIVE: Final = 1024
MAX_CAPTION: Final = 1024
MAX_BUTTONS: Final = 3
MAX_BUTTON_TITLE: Final = 20
MAX_BUTTON_ID: Final = 256
MAX_SECTIONS: Final = 10
MAX_ROWS: Final = 10
MAX_ROW_ID: Final = 200
MAX_ROW_TITLE: Final = 24
MAX_ROW_DESCRIPTION: Final = 72

_FILES: Final = {"image": "image", "video": "video", "audio": "audio", "voice": "audio", "document": "document"}
_WITHOUT_CAPTION: Final = frozenset({"audio", "voice"})
_WORD: Final = re.compile(r"[a-z0-9_]{1,512}", re.ASCII)
_MEDIA_ID: Final = re.compile(r"[0-9]{1,32}", re.ASCII)

_EMPTY: Final = Rejected("empty_text", "El mensaje no tiene texto. Escríbelo de nuevo.")
_MISMADE: Final = Rejected("request", "El hub armó mal el mensaje para WhatsApp. Avisa a soporte del hub.")


def content_of(payload: Mapping[str, Any]) -> dict[str, Any] | Rejected:
    """Return the part of a request that says what is sent, or why WhatsApp would never take it."""
    text = payload.get("text")
    if not isinstance(text, str):
        return _EMPTY
    for name, make in _MAKERS.items():
        if payload.get(name):
            made = make(payload[name], text)
            break
    else:
        made = _text(text)
    quotes = payload.get("quotes")
    if isinstance(made, Rejected) or not isinstance(quotes, str):
        return made
    return {"context": {"message_id": quotes}, **made}


def _text(text: str) -> dict[str, Any] | Rejected:
    wrong = _unfit(text, MAX_TEXT)
    return wrong or {"type": "text", "text": {"preview_url": False, "body": text}}


def _template(template: Any, _text: str) -> dict[str, Any] | Rejected:
    name, language, variables = (template.get(part) for part in ("name", "language", "variables"))
    if not _WORD.fullmatch(name or "") or not isinstance(language, str) or not isinstance(variables, dict):
        return _MISMADE
    values = [{"type": "text", "parameter_name": key, "text": value} for key, value in variables.items()]
    components = [{"type": "body", "parameters": values}] if values else []
    return {
        "type": "template",
        "template": {"name": name, "language": {"code": language}, "components": components},
    }


def _file(file: Any, text: str) -> dict[str, Any] | Rejected:
    kind = _FILES.get(file.get("kind", ""))
    if kind is None:
        return _MISMADE
    source = _source(file)
    if isinstance(source, Rejected):
        return source
    if text and file["kind"] in _WITHOUT_CAPTION:
        return Rejected("caption", "Un audio no lleva texto en WhatsApp. Envía el texto en otro mensaje.")
    if len(text) > MAX_CAPTION:
        return Rejected("text_too_long", f"El texto de un archivo llega a {MAX_CAPTION} caracteres. Acórtalo.")
    about: dict[str, Any] = {**source, **({"caption": text} if text else {})}
    if file.get("filename") and kind == "document":
        about["filename"] = file["filename"]
    if file["kind"] == "voice":
        about["voice"] = True
    return {"type": kind, kind: about}


def _source(file: Mapping[str, Any]) -> dict[str, str] | Rejected:
    id_, link = file.get("id"), file.get("link")
    if isinstance(id_, str) and _MEDIA_ID.fullmatch(id_) and link is None:
        return {"id": id_}
    if id_ is None and isinstance(link, str) and link.startswith("https://"):
        return {"link": link}
    return Rejected("file", "El archivo no tiene una dirección https pública ni se ha subido. Adjúntalo de nuevo.")


def _buttons(buttons: Any, text: str) -> dict[str, Any] | Rejected:
    wrong = _unfit(text, MAX_INTERACTIVE)
    if wrong:
        return wrong
    titles = [button["title"] for button in buttons]
    if len(buttons) > MAX_BUTTONS or len(set(titles)) < len(titles):
        return Rejected("buttons", f"WhatsApp admite hasta {MAX_BUTTONS} botones con títulos distintos.")
    if not _fit(titles, MAX_BUTTON_TITLE) or not _fit([button["id"] for button in buttons], MAX_BUTTON_ID):
        return Rejected("buttons", f"El título de un botón tiene de 1 a {MAX_BUTTON_TITLE} caracteres.")
    replies = [{"type": "reply", "reply": {"id": button["id"], "title": button["title"]}} for button in buttons]
    return _interactive("button", text, {"buttons": replies})


def _menu(menu: Any, text: str) -> dict[str, Any] | Rejected:
    wrong = _unfit(text, MAX_TEXT)
    if wrong:
        return wrong
    sections = menu["sections"]
    rows = [row for section in sections for row in section["rows"]]
    titled = len(sections) == 1 or _fit([section.get("title", "") for section in sections], MAX_ROW_TITLE)
    if not 1 <= len(rows) <= MAX_ROWS or len(sections) > MAX_SECTIONS or not titled:
        return Rejected("list", f"Una lista tiene de 1 a {MAX_ROWS} opciones en total; cada sección lleva título.")
    descriptions = [row["description"] for row in rows if row.get("description")]
    ids = [row["id"] for row in rows]
    if not _fit([menu["label"]], MAX_BUTTON_TITLE) or not _fit([row["title"] for row in rows], MAX_ROW_TITLE):
        return Rejected("list", f"El botón llega a {MAX_BUTTON_TITLE} caracteres, cada opción a {MAX_ROW_TITLE}.")
    if not _fit(descriptions, MAX_ROW_DESCRIPTION) or not _fit(ids, MAX_ROW_ID) or len(set(ids)) < len(ids):
        return Rejected("list", f"La descripción de una opción llega a {MAX_ROW_DESCRIPTION} caracteres.")
    return _interactive("list", text, {"button": menu["label"], "sections": sections})


def _location(_asked: Any, text: str) -> dict[str, Any] | Rejected:
    wrong = _unfit(text, MAX_INTERACTIVE)
    return wrong or _interactive("location_request_message", text, {"name": "send_location"})


def _interactive(kind: str, text: str, action: dict[str, Any]) -> dict[str, Any]:
    return {"type": "interactive", "interactive": {"type": kind, "body": {"text": text}, "action": action}}


def _unfit(text: str, most: int) -> Rejected | None:
    if not text.strip():
        return _EMPTY
    if len(text) > most:
        return Rejected("text_too_long", f"El texto pasa de {most} caracteres. Divídelo en varios mensajes.")
    return None


def _fit(words: Sequence[object], most: int) -> bool:
    return all(isinstance(word, str) and len(word.strip()) > 0 and len(word) <= most for word in words)


_MAKERS: Final = {
    "template": _template,
    "file": _file,
    "menu": _menu,
    "buttons": _buttons,
    "asks_location": _location,
}
"""By the field of the payload that asks for it; the first that is there counts."""
