"""Stretches of a run through an outage: their time, what was measured in them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.reliability.steady import Written, written

_EDGE_SECONDS: Final = 3.0
_SAY_SECONDS: Final = 60.0
_LATER_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Phase:
    """What was measured in a stretch of the run.

    Attributes:
        intake_ms: p50, p99 of the answer to a webhook.
        reply_ms: p50, p99 from a customer's first webhook to the reply at the provider; those who write in the last
            seconds do not count, since what comes next may hold their replies up.
    """

    seconds: float
    webhooks: int
    intake_ms: tuple[float, float]
    reply_ms: tuple[float, float]

    def document(self) -> dict[str, Any]:
        """Return it as it is kept."""
        found: dict[str, Any] = {"seconds": round(self.seconds, 1), "webhooks": self.webhooks}
        for name, values in (("intake", self.intake_ms), ("reply", self.reply_ms)):
            found |= {
                f"{name}_{share}_ms": round(value, 2) for share, value in zip(("p50", "p99"), values, strict=True)
            }
        return found


@dataclass
class Stretch:
    """Lets time pass; remembers from when to when what was away.

    Attributes:
        file: What customers have written.
    """

    file: Path
    say: Callable[[str], None]
    times: dict[str, tuple[float, float]] = field(default_factory=dict)

    def last(self, name: str, seconds: float) -> None:
        """Wait for so long, saying so."""
        self.until(name, lambda waited: waited >= seconds, f"of {seconds:g} s", seconds + _LATER_SECONDS)

    def until(self, name: str, done: Callable[[float], bool], what: str, most: float) -> None:
        """Wait until it is done.

        Raises:
            TimeoutError: It is not after ``most`` seconds.
        """
        began, said = time.time(), float("-inf")
        while not done(waited := time.time() - began):
            if waited > most:
                msg = f"{name}: not within {most:g} s: {what}"
                raise TimeoutError(msg)
            if waited - said >= _SAY_SECONDS:
                said = waited
                self.say(f"{name}: {waited:.0f} s {what}")
            time.sleep(0.2)
        self.times[name] = began, time.time()


def accepted(file: Path) -> Counter[int]:
    """Return how many lines of each customer were answered 2xx."""
    return Counter(one.customer for one in written(file) if one.status == 200)


def measured(stretch: Stretch, name: str, replied: Mapping[int, float]) -> Phase:
    """Return what customers met in a stretch; ``replied`` tells when each got the reply."""
    start, end = stretch.times[name]
    of_phase = [one for one in written(stretch.file) if start <= one.at < end]
    intake = sorted(1000 * one.seconds for one in of_phase)
    reply = sorted(1000 * (replied[one.customer] - one.at) for one in of_phase if _counts(one, end, replied))
    return Phase(end - start, len(of_phase), _shares(intake), _shares(reply))


def _counts(one: Written, end: float, replied: Mapping[int, float]) -> bool:
    return one.line == 0 and one.at < end - _EDGE_SECONDS and one.customer in replied


def _shares(values: list[float]) -> tuple[float, float]:
    if not values:
        return 0.0, 0.0
    return values[len(values) // 2], values[min(len(values) - 1, len(values) * 99 // 100)]
