"""What makes a channel: its settings, its checks, its simulator."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from hub.contracts.accounts import Account
from hub.contracts.files import Fetcher, Uploader
from hub.contracts.inbound import Handshake, WebhookRequest, WebhookSecrets
from hub.contracts.items import Normalize
from hub.contracts.outbound import Sender
from hub.contracts.templates import TemplateOffice


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
        confirm_seconds: How long the next message to somebody waits for the provider's word that the one before was
            sent; 0 where the provider keeps the order in which it takes them.
        line: What customers write to, the same whichever connector speaks through it, e.g. ``facebook:<page id>``.
        fetcher: Has the files that came to the asset; None where none ever come.
        uploader: Takes the hub's own files before messages name them; None where none can be sent.
    """

    slug: str
    sender: Sender
    breaker: str
    per_second: float = 20.0
    pair_interval_seconds: float = 0.0
    pair_burst: int = 10
    deadline_seconds: float = 30.0
    confirm_seconds: float = 0.0
    line: str = ""
    fetcher: Fetcher | None = None
    uploader: Uploader | None = None


@dataclass(frozen=True, slots=True)
class Connection:
    """A configured connector: what its apps are, how its assets speak, who sees to it that the provider sends."""

    secrets: Mapping[str, Callable[[], WebhookSecrets]]
    assets: Mapping[str, AssetRoute]
    offices: tuple[TemplateOffice, ...] = ()
    accounts: tuple[Account, ...] = ()


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
