"""What other systems do: read topics by a plain client, drop copies by their id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from schemas.binary_mode import decode
from schemas.envelope import CloudEvent
from schemas.topics import ALL, LOG
from tests.support.kafka import KafkaPlace

NOUNS = tuple(topic.name for topic in ALL if topic is not LOG)
EVERY = tuple(topic.name for topic in ALL)


@dataclass(frozen=True)
class Heard:
    """What a subscriber read.

    Attributes:
        events: Each event once, in the order of its first copy.
        repeated: How many copies came again under the same id.
    """

    events: Sequence[CloudEvent[Any]]
    repeated: int

    def keys(self) -> dict[str, list[CloudEvent[Any]]]:
        """Return the events by key."""
        found: dict[str, list[CloudEvent[Any]]] = {}
        for event in self.events:
            found.setdefault(event.partitionkey, []).append(event)
        return found


async def hear(kafka: KafkaPlace, *topics: str) -> Heard:
    """Read everything that is on these topics by now."""
    events = []
    for record in await kafka.everything(*topics):
        event = decode(record.headers, record.value)
        assert record.key.decode() == event.partitionkey
        events.append(event)
    counted = Counter(event.id for event in events)
    first = {event.id: event for event in reversed(events)}
    ordered = [event for event in events if event is first[event.id]]
    return Heard(ordered, sum(counted.values()) - len(counted))
