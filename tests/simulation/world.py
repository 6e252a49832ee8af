"""What a simulated hub lives in: virtual time, chance, an agenda of what happens outside."""

from __future__ import annotations

import hashlib
import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from tests.support.clock import MONDAY_MORNING
from tests.support.randomness import SeededRandomness

_KEPT: Final = 400


class Killed(BaseException):
    """The simulated process is gone; nothing of it may go on."""


class World:
    """Everything outside the hub; outlives each of its lives.

    Attributes:
        time: Virtual seconds since the beginning.
        wall_offset: What was added to the wall clock by those who set it.
        problems: Every way in which the promise was found broken.
        latest: The last lines of the trace, all of them when it is kept whole.
    """

    def __init__(self, seed: int, *, keep_trace: bool = False) -> None:
        """Begin the world of a seed."""
        self.seed = seed
        self.time = 0.0
        self.wall_offset = 0.0
        self.randomness = SeededRandomness(seed)
        self.problems: list[str] = []
        self.latest: deque[str] = deque(maxlen=None if keep_trace else _KEPT)
        self._agenda: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._numbers = itertools.count()
        self._trace = hashlib.blake2b(digest_size=16)
        self._streams: dict[str, random.Random] = {}

    def chance(self, name: str) -> random.Random:
        """Return the stream of chance for one purpose: what one draws does not shift the others."""
        stream = self._streams.get(name)
        if stream is None:
            stream = self._streams[name] = random.Random(f"{self.seed}/{name}")
        return stream

    def at(self, time: float, happen: Callable[..., None], *args: Any) -> None:
        """Let something happen outside the hub at an instant."""
        heapq.heappush(self._agenda, (max(time, self.time), next(self._numbers), happen, args))

    def after(self, seconds: float, happen: Callable[..., None], *args: Any) -> None:
        """Let something happen outside the hub in a while."""
        self.at(self.time + seconds, happen, *args)

    def advance(self, until: float) -> None:
        """Let time pass to the next thing that happens outside, at most until an instant."""
        if self._agenda and self._agenda[0][0] <= until:
            self.time, _, happen, args = heapq.heappop(self._agenda)
            happen(*args)
        elif until == float("inf"):
            msg = "nothing will ever happen again"
            raise RuntimeError(msg)
        else:
            self.time = max(self.time, until)

    def sleep(self, seconds: float) -> None:
        """Let time pass while no hub runs."""
        until = self.time + seconds
        while self.time < until:
            self.advance(until)

    def note(self, *words: object) -> None:
        """Add a line to the trace."""
        line = f"{self.time:.6f} " + " ".join(map(str, words))
        self._trace.update(line.encode("utf-8", "replace") + b"\n")
        self.latest.append(line)

    def problem(self, words: str) -> None:
        """Note that the promise was broken."""
        self.note("PROBLEM", words)
        self.problems.append(words)

    @property
    def trace(self) -> str:
        """What all that happened hashes to."""
        return self._trace.hexdigest()

    @property
    def wall(self) -> datetime:
        """What the machine's wall clock shows."""
        return MONDAY_MORNING + timedelta(microseconds=round((self.time + self.wall_offset) * 1e6))


class SimulatedClock:
    """Implements ``hub.ports.Clock`` as ``SystemClock`` does: within one life the wall clock never goes back."""

    def __init__(self, world: World) -> None:
        """Start from the wall clock as it is."""
        self._world = world
        self._last = world.wall

    def now(self) -> datetime:
        """Return the wall clock, or the last instant given while it stepped back."""
        self._last = max(self._last, self._world.wall)
        return self._last

    def monotonic(self) -> float:
        """Return virtual seconds."""
        return self._world.time
