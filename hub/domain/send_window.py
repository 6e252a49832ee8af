"""Says until when a provider lets us write to somebody in our own words.

Source: facts 3.4 (WhatsApp), 4.9 (Messenger), 2026-11.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

MARGIN: Final = timedelta(minutes=1)
"""A call takes its time, clocks differ: what would arrive in the last minute counts as too late."""

WARN_BEFORE: Final = timedelta(hours=2)
"""Time left at which somebody has to be told that an answer is still missing (CO-02)."""

PRIVATE_REPLY: Final = timedelta(days=7)
"""Facts 4.6: how long after a comment its one private reply is taken."""

Manner = Literal["free", "person", "shut"]


@dataclass(frozen=True, slots=True)
class Rule:
    """How long a channel lets us write after a message that opens the window.

    Attributes:
        free: Anybody, anything.
        person: Only what a person wrote; None when the channel makes no such difference.
    """

    free: timedelta
    person: timedelta | None = None


RULES: Final = {"whatsapp": Rule(timedelta(hours=24)), "facebook": Rule(timedelta(hours=24), timedelta(days=7))}
"""By channel; one that is not here takes a message at any time."""


@dataclass(frozen=True, slots=True)
class SendWindow:
    """The window of one conversation; both instants are in the past when it was never opened."""

    free_until: datetime | None
    person_until: datetime | None

    def manner(self, now: datetime, *, by_person: bool) -> Manner:
        """Say how something may leave now."""
        latest = now + MARGIN
        if self.free_until is not None and latest < self.free_until:
            return "free"
        return "person" if by_person and self.person_until is not None and latest < self.person_until else "shut"

    def left(self, now: datetime) -> timedelta:
        """Return how long free-form is still allowed; zero when it is not."""
        return max(self.free_until - now, timedelta(0)) if self.free_until is not None else timedelta(0)


def of(channel: str, opened_at: datetime | None) -> SendWindow | None:
    """Return the window that a message at ``opened_at`` opened; None for a channel that has no windows."""
    rule = RULES.get(channel)
    if rule is None:
        return None
    if opened_at is None:
        return SendWindow(None, None)
    return SendWindow(opened_at + rule.free, None if rule.person is None else opened_at + rule.person)
