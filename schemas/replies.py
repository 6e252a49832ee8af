"""What was answered, as events of ``hub.replies``."""

from __future__ import annotations

from typing import ClassVar, Literal

from schemas import topics
from schemas.content import Attachments, MessageKind, Pricing
from schemas.envelope import EventData
from schemas.fields import Channel, CustomerText, Instant

ReplyKind = Literal[
    "text", "image", "video", "audio", "voice", "document", "buttons", "list", "template", "location_request"
]


class _Reply(EventData):
    TOPIC: ClassVar = topics.REPLIES

    reply_id: str
    conversation_id: str
    channel: Channel
    asset: str


class ReplyRequested(_Reply):
    """Something is to be said to a customer; an effect carries it out.

    ``template`` names the template that is used because the free-form window is shut.
    """

    TYPE: ClassVar = "hub.reply.requested.v1"

    case_id: str | None = None
    intent: str
    text: CustomerText
    kind: ReplyKind = "text"
    written_by: Literal["hub", "person"] = "hub"
    template: str | None = None
    attachments: Attachments = ()


class ReplyScheduled(_Reply):
    """Something will be said at an instant, unless the customer writes first; past ``not_after`` it is dropped."""

    TYPE: ClassVar = "hub.reply.scheduled.v1"

    intent: str
    due: Instant
    not_after: Instant


class ReplyUnscheduled(_Reply):
    """Something that was planned will not be said after all."""

    TYPE: ClassVar = "hub.reply.unscheduled.v1"

    intent: str
    reason: str


class ReplySent(_Reply):
    """The provider took the reply; whether it arrived is told later."""

    TYPE: ClassVar = "hub.reply.sent.v1"

    provider_message_id: str
    attempt: int
    pricing: Pricing | None = None


class ReplyDelivered(_Reply):
    """The reply reached the customer's device."""

    TYPE: ClassVar = "hub.reply.delivered.v1"

    provider_message_id: str
    pricing: Pricing | None = None


class ReplyRead(_Reply):
    """The customer opened the reply."""

    TYPE: ClassVar = "hub.reply.read.v1"

    provider_message_id: str
    pricing: Pricing | None = None


class ReplyFailed(_Reply):
    """The reply will not arrive."""

    TYPE: ClassVar = "hub.reply.failed.v1"

    code: str
    explanation_es: str
    attempt: int


class ReplyDoubtful(_Reply):
    """Nobody can tell whether the provider took the reply; a person decides."""

    TYPE: ClassVar = "hub.reply.doubtful.v1"

    reason: str
    attempt: int


class ReplyEchoed(_Reply):
    """A colleague answered a customer outside the hub, in the provider's own app (R-C9)."""

    TYPE: ClassVar = "hub.reply.echoed.v1"

    contact_id: str
    provider_message_id: str
    kind: MessageKind
    text: CustomerText
    attachments: Attachments = ()
