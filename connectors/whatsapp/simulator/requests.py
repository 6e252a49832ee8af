"""Judges what the hub asks WhatsApp to send, as strictly as the real one.

The limits are written down here a second time on purpose: a wrong one in the hub's own code must not agree with itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from connectors.whatsapp.parties import user_id_in
from connectors.whatsapp.simulator.phones import phone_key
from connectors.whatsapp.simulator.refusal import Refusal

MAX_CORRELATION: Final = 512
MAX_ROWS: Final = 10
_PHONE: Final = re.compile(r"\+?[0-9]{8,15}", re.ASCII)
_MEDIA: Final = frozenset({"audio", "document", "image", "video"})
_UNPLAYED: Final = frozenset({"contacts", "location", "reaction", "sticker"})


@dataclass(frozen=True)
class Outgoing:
    """A request to send that has nothing wrong in itself.

    Attributes:
        text: How the customer's phone shows it.
        template: The whole template, for the catalogue to judge.
        media: The id of an upload.
        dropped: Answered well, never delivered.
    """

    to: str
    kind: str
    text: str
    effect: str | None
    dropped: bool
    template: Mapping[str, Any] | None = None
    media: str | None = None

    @property
    def phone(self) -> str:
        """Whose phone it is for."""
        return phone_key(self.to)


def read_outgoing(message: dict[str, Any]) -> Outgoing:
    """Return what a request asks for.

    Raises:
        Refusal: With the code that Meta gives for what is wrong.
    """
    if message.get("messaging_product") != "whatsapp":
        raise Refusal(400, 100, "The parameter messaging_product is required.")
    if message.get("recipient_type", "individual") != "individual":
        raise Refusal(400, 100, "Param recipient_type must be one of {INDIVIDUAL}")
    kind = message.get("type", "text")
    if kind in _UNPLAYED:
        raise Refusal(400, 131051, "Message type is currently not supported by the simulator.")
    if not isinstance(kind, str) or kind not in {"text", "interactive", "template", *_MEDIA}:
        raise Refusal(400, 100, "Param type must be one of the documented kinds.")
    content = message.get(kind)
    if not isinstance(content, dict):
        raise Refusal(400, 100, f"The parameter {kind} is required.")
    shown = _media(kind, content) if kind in _MEDIA else _SHOWN[kind](content)
    effect = message.get("biz_opaque_callback_data")
    if effect is not None and (not isinstance(effect, str) or len(effect) > MAX_CORRELATION):
        raise Refusal(400, 100, f"Param biz_opaque_callback_data is a string of at most {MAX_CORRELATION}.")
    context = message.get("context")
    if context is not None and not (isinstance(context, dict) and isinstance(context.get("message_id"), str)):
        raise Refusal(400, 100, "Param context must name a message_id.")
    to, dropped = _recipient(message)
    media = content.get("id") if kind in _MEDIA else None
    return Outgoing(to, kind, shown, effect, dropped, content if kind == "template" else None, media)


def _recipient(message: Mapping[str, Any]) -> tuple[str, bool]:
    to, recipient = message.get("to"), message.get("recipient")
    if isinstance(to, str) and _PHONE.fullmatch(to):
        return to, False
    if isinstance(to, str) and user_id_in(to):
        # Meta answers 200, then nothing arrives (chatwoot/chatwoot PR#15150).
        return to, True
    if to is None and isinstance(recipient, str) and user_id_in(recipient):
        return recipient, False
    if to is None and recipient is None:
        raise Refusal(400, 100, "The parameter to is required.")
    raise Refusal(400, 131009, "Parameter value is not valid: to")


def _text(content: Mapping[str, Any]) -> str:
    return _words(content.get("body"), "text['body']", 4096)


def _media(kind: str, content: Mapping[str, Any]) -> str:
    id_, link = content.get("id"), content.get("link")
    if (id_ is None) == (link is None) or not isinstance(id_ or link, str):
        raise Refusal(400, 100, f"{kind} needs either an id or a link.")
    caption = content.get("caption")
    if caption is None:
        return f"[{kind}]"
    if kind == "audio":
        raise Refusal(400, 100, 'Unexpected key "caption" on param "audio".')
    return _words(caption, f"{kind}['caption']", 1024)


def _template(content: Mapping[str, Any]) -> str:
    language = content.get("language")
    if not isinstance(content.get("name"), str) or not isinstance(language, dict) or not language.get("code"):
        raise Refusal(400, 100, "template needs a name with language['code'].")
    return f"[{content['name']}]"


def _interactive(content: Mapping[str, Any]) -> str:
    kind, action, body = content.get("type"), content.get("action"), content.get("body")
    judge = _ACTIONS.get(kind) if isinstance(kind, str) else None
    if judge is None or not isinstance(action, dict) or not isinstance(body, dict):
        raise Refusal(400, 131009, "interactive needs a known type with body, action.")
    judge(action)
    return _words(body.get("text"), "interactive['body']['text']", 4096 if kind == "list" else 1024)


def _buttons(action: Mapping[str, Any]) -> None:
    buttons = _records(action.get("buttons"), "buttons", 3)
    replies = [button.get("reply") if button.get("type") == "reply" else None for button in buttons]
    titles = [_words(_of(reply, "title"), "button title", 20) for reply in replies]
    for reply in replies:
        _words(_of(reply, "id"), "button id", 256)
    if len(set(titles)) < len(titles):
        raise Refusal(400, 131009, "Button titles must be unique.")


def _list(action: Mapping[str, Any]) -> None:
    _words(action.get("button"), "list button", 20)
    sections = _records(action.get("sections"), "sections", 10)
    rows = [row for section in sections for row in _records(section.get("rows"), "rows", 10)]
    if len(rows) > MAX_ROWS or (len(sections) > 1 and not all(section.get("title") for section in sections)):
        raise Refusal(400, 131009, "At most 10 rows in total; each of several sections has a title.")
    for row in rows:
        _words(row.get("id"), "row id", 200)
        _words(row.get("title"), "row title", 24)
        if row.get("description") is not None:
            _words(row["description"], "row description", 72)


def _location(action: Mapping[str, Any]) -> None:
    if action.get("name") != "send_location":
        raise Refusal(400, 131009, "action['name'] must be send_location.")


def _words(value: object, name: str, most: int) -> str:
    if not isinstance(value, str) or not value:
        raise Refusal(400, 100, f"The parameter {name} is required.")
    if len(value) > most:
        raise Refusal(400, 100, f"Param {name} must be at most {most} characters long.")
    return value


def _records(value: object, name: str, most: int) -> Sequence[Mapping[str, Any]]:
    if not isinstance(value, list) or not 1 <= len(value) <= most or not all(isinstance(one, dict) for one in value):
        raise Refusal(400, 131009, f"{name} holds 1 to {most} objects.")
    return value


def _of(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None


_SHOWN: Final[dict[str, Callable[[Mapping[str, Any]], str]]] = {
    "text": _text,
    "interactive": _interactive,
    "template": _template,
}
_ACTIONS: Final[dict[str, Callable[[Mapping[str, Any]], None]]] = {
    "button": _buttons,
    "list": _list,
    "location_request_message": _location,
}
