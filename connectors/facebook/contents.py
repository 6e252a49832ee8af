"""Reads what a Messenger message holds beside its text."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from pydantic import ValidationError

from connectors._meta.fields import BROKEN, MAX_NAME, label, name, word
from connectors.facebook import payload
from connectors.facebook.payload import Attachment, Message, link
from hub.contracts import File
from schemas.content import AttachmentKind, Choice, Form, Location, MessageKind, Referral, Share

_FILES: Final[dict[str, AttachmentKind]] = {
    "image": "image",
    "audio": "audio",
    "video": "video",
    "file": "document",
    "sticker": "sticker",
}


@dataclass(frozen=True)
class Content:
    """What was sent; ``unsupported`` says why it cannot be read."""

    kind: MessageKind
    text: str = ""
    files: tuple[File, ...] = ()
    choice: Choice | None = None
    location: Location | None = None
    form: Form | None = None
    share: Share | None = None
    unsupported: str | None = None


def content_of(message: Message) -> Content:
    """Return what a message holds; the text counts as the caption of what is attached."""
    text = clean(message.text)
    found = _attached(message.attachments, text)
    if message.quick_reply.payload is not None:
        choice = Choice(id=message.quick_reply.payload, title=text)
        return Content("choice", text, files=found.files if found else (), choice=choice)
    if found is not None:
        return found
    if message.is_unsupported:
        return Content("text", text, unsupported="Messenger says that it cannot be shown to apps")
    if text.strip():
        return Content("text", text)
    kinds = ", ".join(label(one.type) or "unknown" for one in message.attachments)
    reason = f"attachments of the kind {kinds} cannot be read" if kinds else "a message without content"
    return Content("text", text, unsupported=reason)


def referral_of(raw: dict[str, Any]) -> Referral | None:
    """Return what brought somebody to the chat; None when nothing says it."""
    if not raw:
        return None
    try:
        found = payload.Referral.model_validate(raw)
    except ValidationError:
        return None
    return Referral(
        source=found.source or found.type or "unknown",
        source_id=found.ad_id or found.post_id or found.product_id,
        headline=found.ad_title,
        url=found.referer_uri or found.photo_url,
        ref=found.ref,
    )


def clean(text: str) -> str:
    """Return a text as every engine can hold it."""
    return text.replace("\0", "")


def file_at(kind: AttachmentKind, value: object) -> File:
    """Return a file behind a signed link; its name stands only in the link's path (facts 4.4)."""
    url = link(value)
    if url is None:
        return File(kind, {}, trouble="Messenger gave no address for it")
    try:
        path = urlsplit(url).path
    except ValueError:
        path = ""
    filename = name(unquote(posixpath.basename(path), errors="replace")) if kind == "document" else None
    return File(kind, {"url": url}, filename=filename)


def _attached(attachments: tuple[Attachment, ...], text: str) -> Content | None:
    files = tuple(_files(attachments))
    if files:
        return Content(files[0].kind, text, files=files, share=_share(attachments))
    for one in attachments:
        if one.type == "location":
            return _location(one, text)
        if one.type == "appointment_booking":
            answers = {
                key: str(value)[:MAX_NAME] for key, value in one.payload.items() if word(key) and _is_plain(value)
            }
            return Content("form", text, form=Form(name=one.type, answers=answers))
    share = _share(attachments)
    return None if share is None else Content("share", text, share=share)


def _files(attachments: Iterable[Attachment]) -> Iterable[File]:
    stickers = {word(one.payload.get("sticker_id")) for one in attachments if one.type == "sticker"}
    for one in attachments:
        kind = _FILES.get(one.type or "")
        sticker = word(one.payload.get("sticker_id"))
        if kind == "image" and sticker is not None:
            # Until June 2026 stickers were images with a number; for a while they came both ways (facts 4.3).
            if sticker in stickers:
                continue
            kind = "sticker"
        if kind is not None:
            yield file_at(kind, one.payload.get("url"))


def _share(attachments: Iterable[Attachment]) -> Share | None:
    """Return the first post, reel, product or link; kinds that nobody knows yet count when they lead somewhere."""
    for one in attachments:
        if one.type in _FILES or one.type in {"location", "appointment_booking"}:
            continue
        product = _product(one.payload)
        title = name(one.payload.get("title")) or one.title or name(product.get("title"))
        url = link(one.payload.get("url")) or one.url or link(product.get("image_url"))
        if title or url:
            return Share(kind="product" if product else label(one.type) or "unknown", title=title, url=url)
    return None


def _product(payload: dict[str, Any]) -> dict[str, Any]:
    product = payload.get("product")
    elements = product.get("elements") if isinstance(product, dict) else None
    first = elements[0] if isinstance(elements, list) and elements else None
    return first if isinstance(first, dict) else {}


def _location(one: Attachment, text: str) -> Content:
    place = one.payload.get("coordinates")
    place = place if isinstance(place, dict) else {}
    latitude, longitude = _degrees(place.get("lat"), 90), _degrees(place.get("long"), 180)
    if latitude is None or longitude is None:
        return Content("location", text, unsupported="a location without coordinates")
    return Content(
        "location", text, location=Location(latitude=latitude, longitude=longitude, name=one.title, url=one.url)
    )


def _degrees(value: object, most: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # Neither infinity nor a number of a thousand digits is at most that many.
    return float(value) if abs(value) <= most else None


def _is_plain(value: object) -> bool:
    if isinstance(value, str):
        return BROKEN not in value and "\0" not in value
    return isinstance(value, int | float)
