"""What customers said, as events of ``hub.messages``."""

from __future__ import annotations

from typing import ClassVar, Literal

from schemas import topics
from schemas.content import (
    Attachments,
    ContactCards,
    MaybeChoice,
    MaybeForm,
    MaybeLocation,
    MaybeOrder,
    MaybeReferral,
    MaybeShare,
    MessageKind,
)
from schemas.envelope import EventData
from schemas.fields import Channel, CustomerText, Instant, PersonName

Author = Literal["customer", "company"]


class _Inbound(EventData):
    TOPIC: ClassVar = topics.MESSAGES

    message_id: str
    conversation_id: str
    contact_id: str
    channel: Channel
    asset: str
    provider_message_id: str


class MessageReceived(_Inbound):
    """A customer sent something that the hub can read.

    ``text`` is what was typed: the caption of a file, the title of a choice, empty where there is none. While
    ``standby`` another application holds the thread, so the hub must not answer.
    """

    TYPE: ClassVar = "hub.message.received.v1"

    kind: MessageKind
    text: CustomerText
    sender_name: PersonName | None = None
    quoted_provider_message_id: str | None = None
    first_in_conversation: bool = False
    attachments: Attachments = ()
    choice: MaybeChoice = None
    location: MaybeLocation = None
    contact_cards: ContactCards = ()
    form: MaybeForm = None
    order: MaybeOrder = None
    share: MaybeShare = None
    referral: MaybeReferral = None
    forwarded: bool = False
    standby: bool = False


class MessageUnsupported(_Inbound):
    """A customer sent something of a kind the hub cannot read; the raw item is kept."""

    TYPE: ClassVar = "hub.message.unsupported.v1"

    provider_kind: str
    reason: str
    standby: bool = False


class CommentPosted(_Inbound):
    """Somebody commented in public; the comment's id is the provider's id of the message."""

    TYPE: ClassVar = "hub.comment.posted.v1"

    post_id: str
    parent_comment_id: str | None = None
    text: CustomerText
    author_name: PersonName | None = None
    attachments: Attachments = ()
    mention: bool = False
    permalink: str | None = None


class _Amendment(EventData):
    TOPIC: ClassVar = topics.MESSAGES

    message_id: str
    conversation_id: str
    channel: Channel
    asset: str
    provider_message_id: str
    by: Author
    at: Instant


class MessageEdited(_Amendment):
    """What a message says was changed; the latest ``at``, or the highest ``revision`` where there is one, counts."""

    TYPE: ClassVar = "hub.message.edited.v1"

    text: CustomerText
    revision: int | None = None


class MessageDeleted(_Amendment):
    """A message was taken back by whoever sent it; no later edit brings it back."""

    TYPE: ClassVar = "hub.message.deleted.v1"


class MessageReacted(_Amendment):
    """Somebody reacted to a message with an emoji, or took that back (None)."""

    TYPE: ClassVar = "hub.message.reacted.v1"

    emoji: str | None = None


class MessageHidden(_Amendment):
    """A public comment was hidden from others, or is shown again."""

    TYPE: ClassVar = "hub.message.hidden.v1"

    hidden: bool
