"""How much to do in one transaction, so that it takes about as long as it should."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

_MEMORY: Final = 0.8


class Pace:
    """Learns what an item costs, decided before the transaction: inside, a clock would make reruns differ.

    The cost is the thread's CPU time. Wall time would count what other threads do meanwhile, so that a busy process
    made ever smaller transactions, each with a whole fsync (measured: 40 instead of 400 messages a second).
    """

    def __init__(
        self, *, target_seconds: float, largest: int, cpu_seconds: Callable[[], float] = time.thread_time
    ) -> None:
        """Aim at ``target_seconds`` a transaction, never more than ``largest`` items."""
        self._target = target_seconds
        self._largest = largest
        self._cpu_seconds = cpu_seconds
        self._cost = target_seconds / 16

    def size(self) -> int:
        """Return how many items the next transaction should take."""
        return max(1, min(self._largest, int(self._target / self._cost)))

    @contextmanager
    def measured(self, items: int) -> Iterator[None]:
        """Learn from the time that ``items`` take."""
        started = self._cpu_seconds()
        yield
        cost = (self._cpu_seconds() - started) / max(items, 1)
        self._cost = max(_MEMORY * self._cost + (1 - _MEMORY) * cost, 1e-6)
