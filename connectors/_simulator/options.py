"""How a simulated provider is set up."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from hub.errors import Misconfigured


class Clock(Protocol):
    """What a simulator needs of ``hub.ports.Clock``."""

    def now(self) -> datetime:
        """Return an aware UTC instant."""
        ...


class Randomness(Protocol):
    """What a simulator needs of ``hub.ports.Randomness``; a seeded one makes a run repeatable."""

    def token(self) -> str:
        """Return a fresh word of hex digits."""
        ...

    def uniform(self, low: float, high: float) -> float:
        """Return a number between the bounds."""
        ...


@dataclass(frozen=True, kw_only=True)
class PlayOptions:
    """The wiring that simulators share.

    Attributes:
        webhook_url: Where signed webhooks go; loopback only.
        ledger_path: JSONL file of everything that happened; found again at the next start, so that phones keep their
            messages and webhooks that nobody accepted are sent again. None keeps the ledger in memory.
        retry_seconds: Pauses between the attempts at one webhook; the last repeats. Providers' are longer.
        give_up_seconds: How long a webhook is tried.
        hold_seconds: How long the faults ``batch`` and ``reorder`` wait for more before they send what they have.

    Raises:
        Misconfigured: The address to listen on, or to send to, is not this machine.
    """

    webhook_url: str
    clock: Clock
    randomness: Randomness
    app_secret: bytes = field(repr=False)
    verify_token: str = field(repr=False)
    host: str = "127.0.0.1"
    port: int
    ledger_path: Path | None = None
    retry_seconds: tuple[float, ...] = (0.2, 1, 2, 5, 10, 30)
    give_up_seconds: float = 7 * 86_400
    webhook_timeout_seconds: float = 10
    hold_seconds: float = 0.3

    def __post_init__(self) -> None:
        """Refuse to talk with anything but this machine."""
        problems = []
        parts = urlsplit(self.webhook_url)
        if parts.scheme != "http" or not is_loopback(parts.hostname):
            problems.append("the simulator sends its webhooks to http://127.0.0.1 only; give it a loopback address")
        if not is_loopback(self.host):
            problems.append("the simulator listens on loopback only; give it 127.0.0.1")
        if problems:
            raise Misconfigured(problems)


def is_loopback(host: str | None) -> bool:
    """Say whether a host is this machine; names other than ``localhost`` are not looked up."""
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"
