"""What comes in through a connector: raw deliveries, the items that they hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """One request as it came in.

    Attributes:
        query: The raw query string.
        headers: Names in lower case; the values of a repeated header joined by a comma.
        body: The bytes exactly as received; signatures are over these.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Handshake:
    """The answer to a provider that checks our address; nothing is kept of it."""

    status: int
    body: str


@dataclass(frozen=True, slots=True)
class WebhookSecrets:
    """The secrets of one app; more than one signing secret only while one is being replaced."""

    signing: tuple[bytes, ...]
    verify_token: bytes | None = None


@dataclass(frozen=True, slots=True)
class RawDelivery:
    """One request, mail or API page as received, from the journal."""

    id: str
    connector: str
    app: str
    received_at: datetime
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Alias:
    """One address under which a person is known, in the form used for matching.

    ``kind`` names the namespace, e.g. ``phone`` with ``+522221234567`` or ``whatsapp-user`` with a BSUID.
    """

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Party:
    """The person at the other end: aliases best first, with what to reply to."""

    aliases: tuple[Alias, ...]
    reply_to: Mapping[str, str]
    display_name: str | None = None


@dataclass(frozen=True, slots=True)
class MessageItem:
    """Something a customer said.

    Attributes:
        asset: The number, page or mailbox that received it, under the provider's own id.
        provider_id: Unique within connector, asset, ``message``; dedupe rests on it.
        time: The provider's own time; None when absent or unusable.
        unsupported: Why the content cannot be read; None for a readable message.
    """

    asset: str
    provider_id: str
    time: datetime | None
    party: Party | None
    kind: str
    text: str = ""
    quoted_provider_id: str | None = None
    unsupported: str | None = None


@dataclass(frozen=True, slots=True)
class StatusItem:
    """What became of a message that we sent.

    ``correlation`` is the reply id that we gave the provider with the message, when it hands it back.
    """

    asset: str
    provider_id: str
    time: datetime | None
    status: Literal["sent", "delivered", "read", "failed"]
    recipient: str = ""
    correlation: str | None = None
    code: str = ""
    explanation_es: str = ""


@dataclass(frozen=True, slots=True)
class Ignored:
    """An item that is known, genuine, of no interest to the hub."""

    reason: str


@dataclass(frozen=True, slots=True)
class RefusedItem:
    """An item that cannot be read; becomes a dead letter with its reason, its neighbours go on."""

    reason: str


Item = MessageItem | StatusItem | Ignored | RefusedItem
Normalize = Callable[[RawDelivery], Sequence[Item]]
"""Pure. Returns every item of a delivery in the provider's order; raises ``Unreadable`` when there are none to tell."""
