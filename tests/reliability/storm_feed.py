"""Makes a storm from a seed: conversations all mixed, messages that come up to five times, some of them late."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hub.pipeline.journal.segment import create_segment
from hub.store.types import to_microseconds
from hub.system import SystemClock
from tests.benchmarks.ingest_backlog import INSERT, SEGMENT, connected
from tests.support.webhooks import of_messages, text

PATH: Final = "/webhooks/whatsapp/main"
_REPEATED: Final = 0.3
_MOST_COPIES: Final = 4
_SOON: Final = 50
_LATE: Final = 20_000
_TOGETHER: Final = (1, 1, 2, 5, 20, 60)


@dataclass
class Feed:
    """What a storm is made of.

    Attributes:
        copies: How many messages were sent that had been sent before.
        bodies: How many webhooks there are.
    """

    seed: int
    messages: int
    conversations: int
    copies: int = 0
    bodies: int = 0

    def write(self, directory: Path) -> None:
        """Write the webhooks into a journal, as the intake that answered 200 for each has left it."""
        directory.mkdir(parents=True)
        (directory / "journal.id").write_text("storm")
        now = SystemClock().now()
        received = to_microseconds(now)
        bodies = self._bodies(int(now.timestamp()))
        number, more = 1, True
        while more:
            segment = create_segment(directory, "storm", number, f"{number:016x}", self.bodies)
            # In this order: a range that has ended must not have taken a body with it.
            rows = [body for _, body in zip(range(SEGMENT), bodies, strict=False)]
            with connected(segment.path) as connection:
                values = ((received, "whatsapp", "main", "POST", PATH, "{}", body) for body in rows)
                connection.executemany(INSERT, values)
            self.bodies += len(rows)
            number, more = number + 1, len(rows) == SEGMENT

    def _bodies(self, at: int) -> Iterator[bytes]:
        chance = random.Random(self.seed)
        held: list[dict[str, Any]] = []
        size = chance.choice(_TOGETHER)
        for conversation, number in self._order(chance):
            held.append(said(conversation, number, at))
            if len(held) >= size:
                yield of_messages(*held)
                held, size = [], chance.choice(_TOGETHER)
        if held:
            yield of_messages(*held)

    def _order(self, chance: random.Random) -> Iterator[tuple[int, int]]:
        """Yield each message once in the order of its conversation, its copies at any time after."""
        counted = [0] * self.conversations
        again: list[tuple[float, int, int]] = []
        for place in range(self.messages):
            # Everybody says something at least once.
            conversation = place if place < self.conversations else chance.randrange(self.conversations)
            number, counted[conversation] = counted[conversation], counted[conversation] + 1
            yield conversation, number
            if chance.random() < _REPEATED:
                for _ in range(chance.randint(1, _MOST_COPIES)):
                    delay = chance.expovariate(1 / chance.choice((_SOON, _SOON, _LATE)))
                    heapq.heappush(again, (place + delay, conversation, number))
            while again and again[0][0] <= place:
                _, *copy = heapq.heappop(again)
                self.copies += 1
                yield copy[0], copy[1]
        for _, conversation, number in sorted(again):
            self.copies += 1
            yield conversation, number


def said(conversation: int, number: int, at: int) -> dict[str, Any]:
    """Return one message as it stands in a webhook; its text names conversation with number."""
    message = text(f"wamid.{conversation}.{number}", f"{conversation} {number}", sender=f"52222{conversation:07d}")
    return {**message, "timestamp": str(at)}
