"""Stops calling a host whose calls fail, then tries it one call at a time."""

from __future__ import annotations

from collections import deque
from typing import Final

from hub.ports import Clock

_WINDOW: Final = 10
_FAILURES: Final = 5


class Breaker:
    """The circuit breaker of one host with one credential: opens at five failures of the last ten calls."""

    def __init__(self, clock: Clock, first_seconds: float, longest_seconds: float) -> None:
        """Begin closed; an open one waits ``first_seconds``, doubling up to ``longest_seconds``."""
        self._clock = clock
        self._first = first_seconds
        self._longest = longest_seconds
        self._results: deque[bool] = deque(maxlen=_WINDOW)
        self._wait = 0.0
        self._open_until = float("-inf")
        self._probing = False

    @property
    def is_open(self) -> bool:
        """Whether calls fail too often to go on as usual."""
        return self._wait > 0

    def allows(self) -> bool:
        """Tell whether a call may be made now; while open that is one probe after each pause."""
        if not self.is_open:
            return True
        return not self._probing and self._clock.monotonic() >= self._open_until

    def started(self) -> bool:
        """Note that a call is about to be made; tell whether it is a probe, which ``ended`` has to know."""
        self._probing = self._probing or self.is_open
        return self.is_open

    def withdrawn(self, *, probe: bool) -> None:
        """Note that a call was not made after all."""
        if probe:
            self._probing = False

    def ended(self, *, probe: bool, failed: bool, at_once: bool = False) -> None:
        """Note how a call ended; ``at_once`` opens without counting, as for a revoked token.

        While open only the probe counts: the calls that were under way beside the one that opened it say nothing new.
        """
        if self.is_open and not probe:
            return
        if probe:
            self._probing = False
        if self.is_open and failed:
            self._open(min(self._wait * 2, self._longest))
        elif self.is_open:
            self._results.clear()
            self._wait = 0.0
        else:
            self._results.append(failed)
            if at_once or sum(self._results) >= _FAILURES:
                self._open(self._first)

    def _open(self, wait_seconds: float) -> None:
        self._wait = wait_seconds
        self._open_until = self._clock.monotonic() + wait_seconds
