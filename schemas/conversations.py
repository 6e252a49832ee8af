"""Who talks with us about what, as events of ``hub.conversations``."""

from __future__ import annotations

from typing import ClassVar, Literal

from schemas import topics
from schemas.envelope import EventData
from schemas.fields import Channel, ContactAddress, CustomerText, Instant, PersonName

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


class ConversationHandedOver(EventData):
    """Another application took a thread, or gave it back; the hub answers only while it holds it."""

    TYPE: ClassVar = "hub.conversation.handed_over.v1"
    TOPIC: ClassVar = topics.CONVERSATIONS

    conversation_id: str
    contact_id: str
    holder: Literal["hub", "other"]
    application: str | None = None
    at: Instant


class ConversationWindowClosing(EventData):
    """Somebody waits for an answer, yet soon the provider takes none in our own words any more.

    ``person_until`` is until when it still takes what a person writes, where the channel makes that difference.
    """

    TYPE: ClassVar = "hub.conversation.window_closing.v1"
    TOPIC: ClassVar = topics.CONVERSATIONS

    conversation_id: str
    contact_id: str
    channel: Channel
    asset: str
    free_until: Instant
    person_until: Instant | None = None


class ContactLinked(EventData):
    """A person whose address changed is known by the new one as well, e.g. after a change of number."""

    TYPE: ClassVar = "hub.contact.linked.v1"
    TOPIC: ClassVar = topics.CONVERSATIONS

    contact_id: str
    channel: Channel
    reason: str
    previous_address: ContactAddress
    new_address: ContactAddress


class ContactMatched(EventData):
    """Two contacts are probably one person; a person decides whether to merge them."""

    TYPE: ClassVar = "hub.contact.matched.v1"
    TOPIC: ClassVar = topics.CONVERSATIONS

    contact_id: str
    other_contact_id: str
    reason: str


class ContactMerged(EventData):
    """Two contacts are one person: the merged one keeps its conversations, which count as the kept one's."""

    TYPE: ClassVar = "hub.contact.merged.v1"
    TOPIC: ClassVar = topics.CONVERSATIONS

    contact_id: str
    merged_contact_id: str


class ContactSeparated(EventData):
    """A merge was undone: two contacts are two persons after all."""

    TYPE: ClassVar = "hub.contact.separated.v1"
    TOPIC: ClassVar = topics.CONVERSATIONS

    contact_id: str
    separated_contact_id: str


class ContactPreferenceChanged(EventData):
    """A person allowed or stopped a category of messages that we start, in the provider's own app."""

    TYPE: ClassVar = "hub.contact.preference_changed.v1"
    TOPIC: ClassVar = topics.CONVERSATIONS

    contact_id: str
    channel: Channel
    category: str
    allowed: bool
    at: Instant


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
