"""A publisher that takes what a test lets it take."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from hub.errors import BrokerUnavailable, Transient
from hub.ports import Copy

Verdict = Callable[[Copy], Exception | None]


class ScriptedPublisher:
    """Implements ``hub.ports.Publisher`` in memory.

    Attributes:
        taken: What subscribers can read, in order.
        verdict: What becomes of a copy; what stands behind a failed one in its key is refused, as Kafka does.
        takes_what_it_does_not_answer: Asked whether a copy that fails was taken all the same.
        away: While it is on, nobody can connect.
        lives: How often it was connected.
        gate: While it is clear, publishing hangs.
    """

    def __init__(self) -> None:
        """Take everything."""
        self.taken: list[Copy] = []
        self.verdict: Verdict = lambda copy: None
        self.takes_what_it_does_not_answer: Callable[[], bool] = lambda: False
        self.away = False
        self._broken: set[bytes] = set()
        self.lives = 0
        self.is_open = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.calls: list[int] = []

    async def open(self) -> None:
        """Connect, unless away."""
        if self.away:
            msg = "the test took Kafka away"
            raise BrokerUnavailable(msg)
        self.lives += not self.is_open
        self.is_open = True
        self._broken.clear()

    async def publish(self, copies: Sequence[Copy]) -> Sequence[Exception | None]:
        """Take copies one by one."""
        assert self.is_open, "nobody publishes on a closed connection"
        self.calls.append(len(copies))
        await self.gate.wait()
        outcomes = []
        for copy in copies:
            behind = copy.key in self._broken
            outcome = lost() if behind else self.verdict(copy)
            if outcome is None or (not behind and self.takes_what_it_does_not_answer()):
                self.taken.append(copy)
            if outcome is not None:
                self._broken.add(copy.key)
            outcomes.append(outcome)
        return outcomes

    async def close(self) -> None:
        """Let go."""
        self.is_open = False


def lost() -> Exception:
    """Return what stands for no answer."""
    return Transient("no answer")
