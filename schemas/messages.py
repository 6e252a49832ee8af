"""What customers said, as events of ``hub.messages``."""

from __future__ import annotations

from typing import ClassVar, Literal

from schemas import topics
from schemas.envelope import EventData
from schemas.fields import Channel, CustomerText, PersonName

MessageKind = Literal["text"]


class _Inbound(EventData):
    TOPIC: ClassVar = topics.MESSAGES

    message_id: str
    conversation_id: str
    contact_id: str
    channel: Channel
    asset: str
    provider_message_id: str


class MessageReceived(_Inbound):
    """A customer wrote to us."""

    TYPE: ClassVar = "hub.message.received.v1"

    kind: MessageKind
    text: CustomerText
    sender_name: PersonName | None = None
    quoted_provider_message_id: str | None = None
    first_in_conversation: bool = False


class MessageUnsupported(_Inbound):
    """A customer sent something of a kind the hub cannot read; the raw item is kept."""

    TYPE: ClassVar = "hub.message.unsupported.v1"

    provider_kind: str
    reason: str
