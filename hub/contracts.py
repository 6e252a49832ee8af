"""What the author of a plug-in reads: the shapes of connectors, of handlers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from hub.store.transaction import Policies, Transaction
from schemas.envelope import CloudEvent, EventData

# --- what comes in ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """One request as it came in.

    Attributes:
        query: The raw query string.
        headers: Names in lower case; of a repeated header the last one.
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

# --- what goes out ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OutboundCall:
    """One effect to carry out: what to say, to whom, under which key."""

    effect_id: str
    kind: str
    asset: str
    reply_to: Mapping[str, str]
    payload: Mapping[str, Any]
    attempt: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took it."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class NotTaken:
    """The provider surely did not take it; it may later.

    ``scope`` says what has to wait: the conversation, the whole asset (throttled), or the credential
    (a token or permission is gone).
    """

    code: str
    explanation_es: str
    retry_after_seconds: float | None = None
    scope: Literal["conversation", "asset", "credential"] = "conversation"


@dataclass(frozen=True, slots=True)
class Rejected:
    """The provider will never take it."""

    code: str
    explanation_es: str


@dataclass(frozen=True, slots=True)
class Unclear:
    """Nobody can tell whether the provider took it."""

    reason: str


Outcome = Accepted | NotTaken | Rejected | Unclear


class Sender(Protocol):
    """Carries out effects on the assets of one app; never raises for what a provider may do."""

    async def send(self, call: OutboundCall) -> Outcome:
        """Make one attempt; bounded in time, never retried inside."""
        ...

    async def close(self) -> None:
        """Give back sockets."""
        ...


@dataclass(frozen=True, slots=True)
class AssetRoute:
    """How to speak through one asset.

    Attributes:
        slug: The name people gave it in the settings.
        breaker: Host with credential; trouble of one stops all assets that share it.
        per_second: Messages a second that the asset allows.
        pair_interval_seconds: Pause between two messages to one person, beyond the burst.
        pair_burst: Messages to one person that need no pause.
        deadline_seconds: When one call is given up.
    """

    slug: str
    sender: Sender
    breaker: str
    per_second: float = 20.0
    pair_interval_seconds: float = 0.0
    pair_burst: int = 10
    deadline_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class Connection:
    """A configured connector: what its apps are, how its assets speak."""

    secrets: Mapping[str, Callable[[], WebhookSecrets]]
    assets: Mapping[str, AssetRoute]


class Simulator(Protocol):
    """The provider, played over the network for sandbox or tests.

    Attributes:
        ready: Set once ``serve`` listens.
    """

    ready: asyncio.Event

    async def serve(self) -> None:
        """Answer until cancelled."""
        ...


@dataclass(frozen=True, slots=True)
class SandboxPlace:
    """Where a simulator is played.

    Attributes:
        webhooks: Base address of the hub's webhooks, e.g. ``http://127.0.0.1:8320/webhooks``.
        port: Where the simulator listens, on loopback.
        directory: Where it keeps its ledger.
        secret: Returns the lasting secret of a name, the same for simulator with hub.
        token: Returns fresh random hex digits.
        uniform: Returns a random number between two bounds.
        now: Returns the instant.
    """

    webhooks: str
    port: int
    directory: Path
    secret: Callable[[str], str]
    token: Callable[[], str]
    uniform: Callable[[float, float], float]
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Sandboxed:
    """A simulated provider, with the environment by which its connector reaches it."""

    simulator: Simulator
    environment: Mapping[str, str]
    pages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Connector:
    """A channel.

    Attributes:
        name: Folder name, path segment of its webhooks, first part of every natural key.
        channel: The channel that its conversations are on.
        connect: Reads the environment; None when there are no credentials.
            Raises ``Misconfigured`` naming every wrong knob.
        verify: Raises ``SignatureMismatch``; returns a ``Handshake`` for the provider's check of our address.
        sandbox: ``module:function`` that plays the provider, imported only in the sandbox; takes a ``SandboxPlace``,
            returns a ``Sandboxed``.
    """

    name: str
    channel: str
    connect: Callable[[Mapping[str, str]], Connection | None]
    verify: Callable[[WebhookRequest, WebhookSecrets], Handshake | None]
    normalize: Normalize
    sandbox: str


# --- reactions -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ports:
    """What a handler may use besides its transaction."""

    policies: Policies


@dataclass(frozen=True, slots=True)
class Handler:
    """One consumer group.

    Attributes:
        group: Its lasting name, e.g. ``open-tickets``.
        types: It receives these, nothing else, in order per key.
        handle: ``(event, tx, ports)``, or ``(event, prepared, tx, ports)`` with a ``prepare``. Synchronous, touches only
            the database, may run more than once.
        owner: The desk that answers for its dead letters.
        prepare: Pure, runs outside the transaction: ``(event, ports)``.
        start: Where a group that was never seen before begins.
    """

    group: str
    types: tuple[type[EventData], ...]
    handle: Callable[..., None]
    owner: str
    prepare: Callable[[CloudEvent[Any], Ports], Any] | None = None
    start: Literal["now", "beginning"] = "now"
    type_names: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Name the types once."""
        object.__setattr__(self, "type_names", frozenset(model.TYPE for model in self.types))
