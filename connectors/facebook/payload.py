"""What Meta sends to a page's webhook, as models that forgive whatever the hub can do without."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import AliasPath, BeforeValidator, Field, StringConstraints

from connectors._meta.fields import BROKEN, Id, Moment, Name, Payload, Record, Records, Word, word

OBJECT: Final = "page"
MAX_TEXT: Final = 65_536
MAX_URL: Final = 4096

_TRUE: Final = (True, "true", "1")
_REVISION: Final = re.compile(r"[0-9]{1,6}", re.ASCII)


def link(value: object) -> str | None:
    """Return an address that may be fetched, or followed by a person; None for anything else."""
    if not isinstance(value, str) or len(value) > MAX_URL or BROKEN in value or not value.isprintable():
        return None
    return value if value.startswith(("https://", "http://")) else None


def _text(value: object) -> str:
    """Return what was typed; null stands where an attachment says everything (seen in other projects' samples)."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else ""


def _flag(value: object) -> bool:
    return value in _TRUE


def _revision(value: object) -> int | None:
    digits = word(value)
    return int(digits) if digits is not None and _REVISION.fullmatch(digits) else None


def _words(value: object) -> tuple[str, ...]:
    found = map(word, value) if isinstance(value, list) else ()
    return tuple(one for one in found if one is not None)


Text = Annotated[str, StringConstraints(max_length=MAX_TEXT)]
AnyText = Annotated[Text, BeforeValidator(_text)]
Flag = Annotated[bool, BeforeValidator(_flag)]
# Signed links are longer than any id.
Url = Annotated[str | None, BeforeValidator(link)]


class Someone(Payload):
    """Whoever sends or receives: a person by their id for this page (PSID), the page itself, or a plug-in's guest."""

    id: Word = None
    user_ref: Word = None


class Envelope(Payload):
    """What all items of ``messaging[]`` or ``standby[]`` share."""

    sender: Annotated[Someone, Record] = Someone()
    recipient: Annotated[Someone, Record] = Someone()
    timestamp: Moment = None
    prior_message: Annotated[dict[str, Any], Record] = Field(default_factory=dict)


class Referral(Payload):
    """What brought somebody to the chat: an ad, a link, a plug-in."""

    ref: Word = None
    source: Word = None
    type: Word = None
    ad_id: Word = None
    referer_uri: Url = None
    ad_title: Annotated[Name, Field(validation_alias=AliasPath("ads_context_data", "ad_title"))] = None
    post_id: Annotated[Word, Field(validation_alias=AliasPath("ads_context_data", "post_id"))] = None
    photo_url: Annotated[Url, Field(validation_alias=AliasPath("ads_context_data", "photo_url"))] = None
    product_id: Annotated[Word, Field(validation_alias=AliasPath("ads_context_data", "product_id"))] = None


class Attachment(Payload):
    """One thing attached; ``payload`` differs by type, a fallback may come without."""

    type: Word = None
    title: Name = None
    url: Url = None
    payload: Annotated[dict[str, Any], Record] = Field(default_factory=dict)


class QuickReply(Payload):
    """The button under a message that was pressed."""

    payload: Word = None


class Quoted(Payload):
    """The message that this one answers; it may be one that we never saw."""

    mid: Word = None


class Command(Payload):
    """A slash command."""

    name: Name = None


class Message(Payload):
    """The content under ``message``; only the mid cannot be done without."""

    mid: Id
    text: AnyText = ""
    quick_reply: Annotated[QuickReply, Record] = QuickReply()
    reply_to: Annotated[Quoted, Record] = Quoted()
    attachments: Annotated[tuple[Attachment, ...], Records] = ()
    referral: Annotated[dict[str, Any], Record] = Field(default_factory=dict)
    commands: Annotated[tuple[Command, ...], Records] = ()
    is_deleted: Flag = False
    is_unsupported: Flag = False
    is_echo: Flag = False
    app_id: Word = None
    metadata: Word = None


class Edit(Payload):
    """``message_edit``: the whole new text, which an edit is nothing without; ``num_edit`` grows from 1 to 5."""

    mid: Id
    text: Text
    num_edit: Annotated[int | None, BeforeValidator(_revision)] = None


class Reaction(Payload):
    """``reaction``: ``react`` or ``unreact`` to one message."""

    mid: Id
    action: Word = None
    reaction: Word = None
    emoji: Word = None


class Postback(Payload):
    """``postback``: a button, the menu or "Get Started"; in standby it comes without payload."""

    mid: Word = None
    title: Name = None
    payload: Word = None
    referral: Annotated[dict[str, Any], Record] = Field(default_factory=dict)


class Delivery(Payload):
    """``delivery``: everything up to the watermark arrived; ``mids`` may be missing."""

    mids: Annotated[tuple[str, ...], BeforeValidator(_words)] = ()
    watermark: Moment = None


class Read(Payload):
    """``read``: everything up to the watermark was seen."""

    watermark: Moment


class Optin(Payload):
    """``optin``: a plug-in, or leave for marketing messages; the token in it stays in the raw item."""

    type: Word = None
    ref: Word = None
    payload: Word = None
    user_ref: Word = None
    user_token_status: Word = None


class Author(Payload):
    """Who wrote a comment, by an id of this page that is not the one of Messenger; either may be missing."""

    id: Word = None
    name: Name = None


class Comment(Payload):
    """The value of a ``feed`` or ``mention`` change about a comment."""

    comment_id: Id
    verb: Id
    post_id: Word = None
    parent_id: Word = None
    author: Annotated[Author, Record] = Field(default=Author(), alias="from")
    sender_id: Word = None
    sender_name: Name = None
    message: AnyText = ""
    photo: Any = None
    video: Any = None
    link: Url = None
    created_time: Moment = None
    edited_time: Moment = None
    permalink: Annotated[Url, Field(validation_alias=AliasPath("post", "permalink_url"))] = None
