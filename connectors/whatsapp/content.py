"""Reads what a WhatsApp message holds, by its kind."""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from connectors._meta.bodies import error_code
from connectors._meta.fields import MAX_ID, MAX_NAME, elements, word
from connectors.whatsapp.payload import MAX_TEXT
from hub.contracts import File
from schemas.content import AttachmentKind, Choice, ContactCard, Form, Location, Order, OrderLine, Referral, Share

MOST_PARTS: Final = 50
"""Contact cards, order lines, answers of a form: more than a person fills in."""
TOO_LARGE: Final = 131052
TOO_LARGE_ES: Final = "Meta no lo entrega: pesa más de 100 MB."

_SHA256_HEX: Final = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_SHA256_BYTES: Final = 32

Content = dict[str, Any]
"""What ``MessageItem`` is made with beyond who sent it when."""


class NotReadableError(Exception):
    """The content of a known kind is not what it should be; says why, without any of it."""


def read(kind: str, raw: Mapping[str, Any]) -> Content | None:
    """Return the content of a message; None for a kind that the hub does not know.

    Raises:
        NotReadableError: The kind is known, its content is not readable.
    """
    reader = _READERS.get(kind)
    if reader is None:
        return None
    content = raw.get(kind)
    if kind not in _WITHOUT_CONTENT and kind != "contacts" and not isinstance(content, dict):
        msg = f"a message of kind {kind} without its content"
        raise NotReadableError(msg)
    return {"kind": kind, **reader(content if kind != "contacts" else elements(raw, kind), raw)}


def referral(raw: object) -> Referral | None:
    """Return the ad or post that brought somebody here."""
    if not isinstance(raw, dict):
        return None
    return Referral(
        source=word(raw.get("source_type")) or "unknown",
        source_id=word(raw.get("source_id")),
        headline=_line(raw.get("headline")),
        body=_line(raw.get("body"), MAX_TEXT),
        url=_line(raw.get("source_url"), MAX_TEXT),
        click_id=word(raw.get("ctwa_clid")),
    )


def product(context: object) -> Share | None:
    """Return the product of a catalogue that a message asks about."""
    found = context.get("referred_product") if isinstance(context, dict) else None
    if not isinstance(found, dict):
        return None
    names = [name for key in ("catalog_id", "product_retailer_id") if (name := word(found.get(key)))]
    return Share(kind="product", title="/".join(names) or None)


def prose(value: object) -> str:
    """Return what somebody typed, empty for anything else."""
    return value.replace("\0", "") if isinstance(value, str) and len(value) <= MAX_TEXT else ""


def _text(content: Mapping[str, Any], _raw: Mapping[str, Any]) -> Content:
    body = content.get("body")
    if not isinstance(body, str) or len(body) > MAX_TEXT:
        msg = f"a text message without readable text of at most {MAX_TEXT} characters"
        raise NotReadableError(msg)
    if not prose(body):
        msg = "a text message without text"
        raise NotReadableError(msg)
    return {"text": prose(body)}


def _file(kind: AttachmentKind) -> Callable[[Mapping[str, Any], Mapping[str, Any]], Content]:
    def reader(content: Mapping[str, Any], raw: Mapping[str, Any]) -> Content:
        real: AttachmentKind = "voice" if kind == "audio" and content.get("voice") is True else kind
        media, url = word(content.get("id")), word(content.get("url"))
        codes = {error_code(note.get("code")) for note in elements(raw, "errors") if isinstance(note, dict)}
        trouble = TOO_LARGE_ES if TOO_LARGE in codes else None
        if media is None and trouble is None:
            msg = f"a message of kind {kind} that does not name its file"
            raise NotReadableError(msg)
        source = {name: value for name, value in (("media_id", media), ("url", url)) if value}
        file = File(
            kind=real,
            source=source,
            mime_type=word(content.get("mime_type")),
            filename=_line(content.get("filename")),
            sha256=_sha256(content.get("sha256")),
            trouble=trouble,
        )
        return {"kind": real, "files": (file,), "text": prose(content.get("caption"))}

    return reader


def _location(content: Mapping[str, Any], _raw: Mapping[str, Any]) -> Content:
    latitude, longitude = _number(content.get("latitude")), _number(content.get("longitude"))
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:  # noqa: PLR2004 - degrees
        msg = "a location without a latitude with a longitude"
        raise NotReadableError(msg)
    return {
        "location": Location(
            latitude=latitude,
            longitude=longitude,
            name=_line(content.get("name")),
            address=_line(content.get("address"), MAX_TEXT),
            url=_line(content.get("url"), MAX_TEXT),
        )
    }


def _contacts(cards: list[object], _raw: Mapping[str, Any]) -> Content:
    found = tuple(_card(card) for card in cards[:MOST_PARTS] if isinstance(card, dict))
    if not found:
        msg = "a message of contacts without any"
        raise NotReadableError(msg)
    return {"contact_cards": found}


def _card(card: Mapping[str, Any]) -> ContactCard:
    name, org = card.get("name"), card.get("org")
    return ContactCard(
        name=_line(name.get("formatted_name")) if isinstance(name, dict) else None,
        phones=_each(card, "phones", "phone"),
        emails=_each(card, "emails", "email"),
        organization=_line(org.get("company")) if isinstance(org, dict) else None,
        shared_on_request=card.get("origin") == "contact_request",
    )


def _each(card: Mapping[str, Any], name: str, key: str) -> tuple[str, ...]:
    found = (_line(one.get(key)) for one in elements(card, name)[:MOST_PARTS] if isinstance(one, dict))
    return tuple(one for one in found if one)


def _interactive(content: Mapping[str, Any], _raw: Mapping[str, Any]) -> Content:
    kind = word(content.get("type")) or ""
    reply = content.get(kind)
    if not isinstance(reply, dict):
        msg = "an interactive answer that does not say what was picked"
        raise NotReadableError(msg)
    if kind in {"button_reply", "list_reply"}:
        return _picked(reply.get("id"), reply.get("title"), reply.get("description"))
    if kind == "nfm_reply":
        return {"kind": "form", "form": _form(reply)}
    if kind == "call_permission_reply":
        return _picked(f"call_permission.{word(reply.get('response')) or 'unknown'}", None)
    msg = f"an interactive answer of the kind {kind}, which is not known"
    raise NotReadableError(msg)


def _button(content: Mapping[str, Any], _raw: Mapping[str, Any]) -> Content:
    return _picked(content.get("payload"), content.get("text"))


def _picked(id_: object, title: object, description: object = None) -> Content:
    name, words = word(id_), _line(title) or ""
    if name is None and not words:
        msg = "an answer that does not say what was picked"
        raise NotReadableError(msg)
    choice = Choice(id=name or words, title=words, description=_line(description, MAX_TEXT))
    return {"kind": "choice", "choice": choice, "text": words}


def _form(reply: Mapping[str, Any]) -> Form:
    """Return what was filled in; the answers are JSON within a text, seen as another thing than an object as well."""
    written = reply.get("response_json")
    try:
        answers = json.loads(written) if isinstance(written, str) and len(written) <= MAX_TEXT else {}
    except (ValueError, RecursionError):
        answers = {}
    if not isinstance(answers, dict):
        answers = {"answer": answers}
    told = {_line(name) or "": _answer(value) for name, value in list(answers.items())[:MOST_PARTS]}
    return Form(name=_line(reply.get("name")), answers=told)


def _answer(value: object) -> str:
    words = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    # An escape within the inner JSON may stand for what no text can hold.
    return words.replace("\0", "").encode("utf-8", "replace").decode()[:MAX_TEXT]


def _order(content: Mapping[str, Any], _raw: Mapping[str, Any]) -> Content:
    lines = tuple(
        OrderLine(
            product_id=word(line.get("product_retailer_id")) or "unknown",
            quantity=_number(line.get("quantity")),
            unit_price=_number(line.get("item_price")),
            currency=word(line.get("currency")),
        )
        for line in elements(content, "product_items")[:MOST_PARTS]
        if isinstance(line, dict)
    )
    order = Order(catalog_id=word(content.get("catalog_id")), lines=lines)
    return {"order": order, "text": prose(content.get("text"))}


def _welcome(_content: object, _raw: Mapping[str, Any]) -> Content:
    return {"kind": "welcome"}


def _sha256(value: object) -> str | None:
    """Return a digest in hex: webhooks give base64, look-ups hex (facts 2.2)."""
    if not isinstance(value, str) or len(value) > MAX_ID:
        return None
    if _SHA256_HEX.fullmatch(value):
        return value.lower()
    try:
        found = base64.b64decode(value, validate=True)
    except (ValueError, binascii.Error):
        return None
    return found.hex() if len(found) == _SHA256_BYTES else None


def _number(value: object) -> float | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def _line(value: object, most: int = MAX_NAME) -> str | None:
    """Return a text on one line, None where there is none."""
    if not isinstance(value, str):
        return None
    words = "".join(char if char.isprintable() else " " for char in value[:most])
    return words.strip().encode("utf-8", "replace").decode() or None


_WITHOUT_CONTENT: Final = frozenset({"request_welcome"})
_READERS: Final[dict[str, Callable[[Any, Mapping[str, Any]], Content]]] = {
    "text": _text,
    "image": _file("image"),
    "video": _file("video"),
    "audio": _file("audio"),
    "document": _file("document"),
    "sticker": _file("sticker"),
    "location": _location,
    "contacts": _contacts,
    "interactive": _interactive,
    "button": _button,
    "order": _order,
    "request_welcome": _welcome,
}
