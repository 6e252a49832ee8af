"""How a connector sees to it that its provider sends what it should."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Checked:
    """One thing that was looked at.

    Attributes:
        check: Stable name, e.g. ``fields:456780000000004``.
        what_es: What is so.
        cure_es: What to do; empty when nothing is to be done.
    """

    check: str
    level: Literal["ok", "warning", "wrong"]
    what_es: str
    cure_es: str = ""


class Account(Protocol):
    """The provider's side of one app; never raises for what a provider may do.

    Attributes:
        app: The app's name in the settings.
        is_watched: Whether the settings say enough to check it while running.
    """

    app: str
    is_watched: bool

    async def check(self, callback: str | None, now: datetime) -> Sequence[Checked]:
        """Look at everything without changing it; ``callback`` is our webhook's public address."""
        ...

    async def subscribe(self, callback: str) -> Sequence[Checked]:
        """Let the provider send everything to ``callback``; safe to repeat."""
        ...

    async def close(self) -> None:
        """Give back sockets."""
        ...
