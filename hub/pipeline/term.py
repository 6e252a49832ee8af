"""How long a lease surely lasts, as its holder counts."""

from __future__ import annotations

from datetime import datetime

from hub.ports import Clock


class Term:
    """Counts down from before a lease was asked for, so that it never ends later here than in the database.

    What has passed is the most that either clock of the machine tells: the wall clock may be set back, the other one
    rests while the machine sleeps. Neither is held against the database's, which may show another time of day.
    """

    def __init__(self, clock: Clock) -> None:
        """Begin without a lease."""
        self._clock = clock
        self._began: tuple[datetime, float] | None = None
        self._seconds = 0.0

    @property
    def left_seconds(self) -> float:
        """How much is left; 0 without a lease."""
        if self._began is None:
            return 0.0
        wall, steady = self._began
        passed = max((self._clock.now() - wall).total_seconds(), self._clock.monotonic() - steady)
        return max(0.0, self._seconds - passed)

    def ask(self) -> tuple[datetime, float]:
        """Return the moment from which a lease that is asked for now will count."""
        return self._clock.now(), self._clock.monotonic()

    def begin(self, asked: tuple[datetime, float], seconds: float) -> None:
        """Count a lease that was granted."""
        self._began, self._seconds = asked, seconds

    def end(self) -> None:
        """Know that it is somebody else's."""
        self._began = None
