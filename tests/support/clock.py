"""Time that a test moves by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

MONDAY_MORNING: Final = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
"""10:00 in Mexico City on an ordinary working day."""


class FakeClock:
    """Implements ``hub.ports.Clock``; stands still until it is moved."""

    def __init__(self, now: datetime = MONDAY_MORNING) -> None:
        """Start at an instant."""
        self._now = now
        self._monotonic = 1000.0

    def now(self) -> datetime:
        """Return the instant that was set."""
        return self._now

    def monotonic(self) -> float:
        """Return seconds that only ``move`` adds to."""
        return self._monotonic

    def move(self, by: timedelta) -> None:
        """Let time pass; backwards moves the wall clock alone, as a machine's does."""
        self._now += by
        self._monotonic += max(by.total_seconds(), 0)
