"""Counts the failed signatures of each source."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from hub.ports import Clock

_SOURCES: Final = 10_000


class FailureLimit:
    """How many failed signatures a source may send.

    A source that was ever genuine is not limited: behind a proxy that hides the senders, a forger must not be able to
    shut the provider out. Bounded: the source seen longest ago is forgotten first.
    """

    def __init__(self, clock: Clock, burst: int, per_second: float) -> None:
        """Allow ``burst`` at once, refilled at ``per_second``."""
        self._clock = clock
        self._burst = burst
        self._per_second = per_second
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._genuine: OrderedDict[str, None] = OrderedDict()

    def exhausted(self, source: str) -> bool:
        """Tell whether the source has used its allowance up."""
        if source not in self._buckets or source in self._genuine:
            return False
        return self._tokens(source) < 1

    def failed(self, source: str) -> None:
        """Take one from the source's allowance."""
        self._buckets[source] = (max(self._tokens(source) - 1, 0), self._clock.monotonic())
        self._buckets.move_to_end(source)
        if len(self._buckets) > _SOURCES:
            self._buckets.popitem(last=False)

    def genuine(self, source: str) -> None:
        """Remember that the source has proved itself."""
        self._genuine[source] = None
        self._genuine.move_to_end(source)
        if len(self._genuine) > _SOURCES:
            self._genuine.popitem(last=False)

    def _tokens(self, source: str) -> float:
        now = self._clock.monotonic()
        tokens, at = self._buckets.get(source, (float(self._burst), now))
        return min(self._burst, tokens + (now - at) * self._per_second)
