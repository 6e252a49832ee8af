"""What comes in through a connector: requests, the raw deliveries that the journal keeps of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


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
