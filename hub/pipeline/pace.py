"""How much to do in one transaction, so that it takes about as long as it should."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hub.ports import Clock

_MEMORY = 0.8


class Pace:
    """Learns what an item costs, decided before the transaction: inside, a clock would make reruns differ."""

    def __init__(self, clock: Clock, *, target_seconds: float, largest: int) -> None:
        """Aim at ``target_seconds`` a transaction, never more than ``largest`` items."""
        self._clock = clock
        self._target = target_seconds
        self._largest = largest
        self._cost = target_seconds / 16

    def size(self) -> int:
        """Return how many items the next transaction should take."""
        return max(1, min(self._largest, int(self._target / self._cost)))

    @contextmanager
    def measured(self, items: int) -> Iterator[None]:
        """Learn from the time that ``items`` take."""
        started = self._clock.monotonic()
        yield
        cost = (self._clock.monotonic() - started) / max(items, 1)
        self._cost = max(_MEMORY * self._cost + (1 - _MEMORY) * cost, 1e-6)
