"""What a raw delivery holds: items, each with all that the hub needs to record it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as default
from datetime import datetime
from typing import Literal

from hub.contracts.inbound import RawDelivery
from hub.contracts.parties import Alias, Party
from hub.contracts.templates import TemplateWord
from schemas.content import (
    AttachmentKind,
    Choice,
    ContactCard,
    Form,
    Location,
    MessageKind,
    Order,
    Pricing,
    Referral,
    Share,
)
from schemas.messages import Author
from schemas.operations import Severity


@dataclass(frozen=True, slots=True)
class File:
    """A file that came with a message, to be fetched later.

    Attributes:
        source: What the connector's fetcher needs, e.g. ``media_id`` or ``url``; never leaves the hub's own database.
        sha256: In hex, as the provider announced it.
        trouble: Why it cannot be fetched at all, e.g. the provider found it too large; it then counts as lost.
    """

    kind: AttachmentKind
    source: Mapping[str, str]
    mime_type: str | None = None
    filename: str | None = None
    sha256: str | None = None
    size_bytes: int | None = None
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class MessageItem:
    """Something a customer said.

    Attributes:
        asset: The number, page or mailbox that received it, under the provider's own id.
        provider_id: Unique within connector, asset, ``message``; dedupe rests on it, amendments name it.
        time: The provider's own time; None when absent or unusable.
        kind: One of ``MessageKind``; the provider's word where ``unsupported`` says why it cannot be read.
        text: What was typed: the caption of a file, the title of a choice.
        unsupported: Why the content cannot be read; None for a readable message.
        thread: Sets apart conversations with one person on one asset, e.g. below different posts.
        opens_window: Whether the free-form window opens with it, by the provider's rules.
        standby: Another application holds the thread: recorded, never answered.
    """

    asset: str
    provider_id: str
    time: datetime | None
    party: Party | None
    kind: str
    text: str = ""
    quoted_provider_id: str | None = None
    unsupported: str | None = None
    files: tuple[File, ...] = ()
    choice: Choice | None = None
    location: Location | None = None
    contact_cards: tuple[ContactCard, ...] = ()
    form: Form | None = None
    order: Order | None = None
    share: Share | None = None
    referral: Referral | None = None
    forwarded: bool = False
    thread: str = ""
    opens_window: bool = True
    standby: bool = False


@dataclass(frozen=True, slots=True)
class CommentItem:
    """Something that was said in public, for the first time; what is changed later is an ``AmendmentItem``.

    Attributes:
        provider_id: The comment's id; amendments name it as their target.
        party: Who commented; None when the provider does not tell: each such comment is a person of its own.
        thread: The post or the top comment below which it stands.
        reply_to: What answers to it need, e.g. the comment's id.
    """

    asset: str
    provider_id: str
    time: datetime | None
    party: Party | None
    post_id: str
    thread: str
    reply_to: Mapping[str, str]
    text: str = ""
    parent_id: str | None = None
    files: tuple[File, ...] = ()
    mention: bool = False
    permalink: str | None = None


@dataclass(frozen=True, slots=True)
class AmendmentItem:
    """A change to a message that was or will be recorded: it waits for its original, then is applied.

    Attributes:
        provider_id: Unique within connector, asset, ``amendment``; of the change, not of the message.
        target: The provider's id of the message that it changes.
        kind: ``show`` takes back ``hide``. A ``reaction`` without an emoji takes back the one before.
        by: Whose message it is for an edit or a deletion, who reacted for a reaction.
        revision: The provider's own count of edits; the highest counts. Without one the latest time does.
    """

    asset: str
    provider_id: str
    time: datetime | None
    target: str
    kind: Literal["edit", "delete", "reaction", "hide", "show"]
    text: str = ""
    emoji: str | None = None
    revision: int | None = None
    by: Author = "customer"


@dataclass(frozen=True, slots=True)
class EchoItem:
    """A message that left our asset, told by the provider.

    One that the hub sent itself (``correlation`` or the provider's id tells) settles its effect; any other was written
    by a colleague outside the hub (R-C9).

    Attributes:
        party: To whom it went; None when only ``quoted_provider_id`` leads to the conversation: it waits for that one.
        correlation: The reply id that we gave the provider with the message, when it hands it back. Without one, what
            the hub said about the quoted message in the very same words is known again by those.
    """

    asset: str
    provider_id: str
    time: datetime | None
    party: Party | None
    kind: MessageKind
    text: str = ""
    quoted_provider_id: str | None = None
    correlation: str | None = None
    files: tuple[File, ...] = ()
    thread: str = ""


@dataclass(frozen=True, slots=True)
class StatusItem:
    """What became of a message that we sent.

    ``correlation`` is the reply id that we gave the provider with the message, when it hands it back.
    ``stops_channel`` says of a failure that account or number are the reason: others fail alike until people mend it.
    """

    asset: str
    provider_id: str
    time: datetime | None
    status: Literal["sent", "delivered", "read", "failed"]
    recipient: str = ""
    correlation: str | None = None
    code: str = ""
    explanation_es: str = ""
    pricing: Pricing | None = None
    stops_channel: bool = False


@dataclass(frozen=True, slots=True)
class WatermarkItem:
    """All that we sent to somebody up to ``time`` was delivered, or read; ``provider_id`` as for other items."""

    asset: str
    provider_id: str
    time: datetime
    party: Party
    status: Literal["delivered", "read"]


@dataclass(frozen=True, slots=True)
class AccountItem:
    """Something about the account, a number, a page or a template that people have to know.

    Attributes:
        provider_id: Unique within connector, asset, ``account``; a digest where the provider gives no id.
        field: The provider's name of the kind of change; ``change`` its word for what happened.
        alert: Names the standing condition, e.g. ``template:encuesta/es_MX``. With a severity above ``info`` it raises
            an alarm; one with ``info`` ends the alarm of that name. The latest ``time`` decides, whatever comes first.
    """

    asset: str
    provider_id: str
    time: datetime | None
    field: str
    change: str
    severity: Severity
    explanation_es: str
    details: Mapping[str, str] = default(default_factory=dict)
    alert: str | None = None
    template: TemplateWord | None = None


@dataclass(frozen=True, slots=True)
class IdentityItem:
    """A person's address changed: whoever had ``previous`` has ``current`` too, is answered at ``reply_to``."""

    asset: str
    provider_id: str
    time: datetime | None
    previous: tuple[Alias, ...]
    current: tuple[Alias, ...]
    reason: str
    reply_to: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class PreferenceItem:
    """A person allowed or stopped a category of messages that we start, in the provider's own app."""

    asset: str
    provider_id: str
    time: datetime | None
    party: Party
    category: str
    allowed: bool


@dataclass(frozen=True, slots=True)
class HandoverItem:
    """Another application took the thread with somebody, or the hub has it again."""

    asset: str
    provider_id: str
    time: datetime | None
    party: Party
    holder: Literal["hub", "other"]
    application: str | None = None


@dataclass(frozen=True, slots=True)
class Ignored:
    """An item that is known, genuine, of no interest to the hub."""

    reason: str


@dataclass(frozen=True, slots=True)
class RefusedItem:
    """An item that cannot be read; becomes a dead letter with its reason, its neighbours go on."""

    reason: str


Fact = (
    MessageItem
    | CommentItem
    | AmendmentItem
    | EchoItem
    | StatusItem
    | WatermarkItem
    | AccountItem
    | IdentityItem
    | PreferenceItem
    | HandoverItem
)
"""An item that says something: it has an asset, a provider id, a time."""
Item = Fact | Ignored | RefusedItem
Normalize = Callable[[RawDelivery], Sequence[Item]]
"""Pure. Returns every item of a delivery in the provider's order; raises ``Unreadable`` when there are none to tell."""
