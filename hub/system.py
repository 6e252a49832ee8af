"""The machine's own clock with its randomness, the only callers of either."""

from __future__ import annotations

import random
import secrets
import time
from datetime import UTC, datetime


class SystemClock:
    """The wall clock, never going back within this process."""

    def __init__(self) -> None:
        """Start from the machine's time."""
        self._last = datetime.now(UTC)

    def now(self) -> datetime:
        """Return the machine's time, or the last one given while the machine's stepped back."""
        self._last = max(self._last, datetime.now(UTC))
        return self._last

    def monotonic(self) -> float:
        """Return the machine's monotonic seconds."""
        return time.monotonic()


class SystemRandomness:
    """The machine's random source."""

    def __init__(self) -> None:
        """Seed the jitter from the machine."""
        self._jitter = random.Random()  # noqa: S311 - jitter needs no secrecy

    def token(self) -> str:
        """Return 128 secret random bits as hex."""
        return secrets.token_hex(16)

    def uniform(self, low: float, high: float) -> float:
        """Return a number between the bounds."""
        return self._jitter.uniform(low, high)
