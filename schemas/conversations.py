"""Who talks with us about what, as events of ``hub.conversations``."""

from __future__ import annotations

from typing import ClassVar, Literal

from schemas import topics
from schemas.envelope import EventData
from schemas.fields import Channel, CustomerText, Instant, PersonName

CaseKind = Literal["support", "improvement", "bug", "unknown"]
CaseScope = Literal["short", "long", "unknown"]


class ConversationOpened(EventData):
    """A thread with one person on one channel began."""

    TYPE: ClassVar = "hub.conversation.opened.v1"
    TOPIC: ClassVar = topics.CONVERSATIONS

    conversation_id: str
    contact_id: str
    channel: Channel
    asset: str


class ContactIdentified(EventData):
    """A person wrote to us for the first time on any address known so far."""

    TYPE: ClassVar = "hub.contact.identified.v1"
    TOPIC: ClassVar = topics.CONVERSATIONS

    contact_id: str
    channel: Channel
    display_name: PersonName | None = None


class CaseOpened(EventData):
    """One matter inside a conversation began."""

    TYPE: ClassVar = "hub.case.opened.v1"
    TOPIC: ClassVar = topics.CONVERSATIONS

    case_id: str
    conversation_id: str
    contact_id: str
    message_id: str


class CaseDiagnosed(EventData):
    """The quick diagnosis of a case said what it is.

    ``rule`` names what decided; ``policy_version`` says by which policies.
    """

    TYPE: ClassVar = "hub.case.diagnosed.v1"
    TOPIC: ClassVar = topics.CONVERSATIONS

    case_id: str
    conversation_id: str
    contact_id: str
    message_id: str
    kind: CaseKind
    scope: CaseScope
    needs_ticket: bool
    summary: CustomerText
    asked_at: Instant
    rule: str
    policy_version: int
