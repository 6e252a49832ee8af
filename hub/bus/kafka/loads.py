"""Packs copies of events into as few batches as there are partitions, in order."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import murmur2
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from hub.errors import Permanent
from hub.kafka_settings import KafkaSettings
from hub.ports import Copy
from schemas import topics

BATCH_BYTES: Final = 262_144


@dataclass(frozen=True, slots=True)
class Load:
    """Records of one partition that go together."""

    topic: str
    partition: int
    builder: Any


class Loads:
    """What one call sends.

    A record that the library takes by itself costs a coroutine with a future, four times what it costs here
    (measured); a batch of ours has one future.

    Attributes:
        every: In the order in which they go.
    """

    def __init__(self, producer: AIOKafkaProducer, partitions: Mapping[str, int], settings: KafkaSettings) -> None:
        """Pack for a producer; ``partitions`` has the number of each topic's, by its name at the broker."""
        self.every: list[Load] = []
        self._producer = producer
        self._partitions = partitions
        self._settings = settings
        self._log = settings.topic(topics.LOG.name)
        self._open: dict[tuple[str, int], int] = {}

    def place(self, copy: Copy) -> Sequence[int] | None:
        """Pack an event's notice with its copy; return the numbers of their loads, None when it is too large."""
        key = copy.key
        if copy.topic is None:
            return (self._put(self._log, key, None, copy.notice),)
        size = DefaultRecordBatchBuilder.estimate_size_in_bytes(key, copy.value, copy.headers)
        if size > self._settings.max_message_bytes:
            return None
        notice = self._put(self._log, key, None, copy.notice)
        return notice, self._put(self._settings.topic(copy.topic), key, copy.value, copy.headers)

    def _put(self, topic: str, key: bytes, value: bytes | None, headers: Sequence[tuple[str, bytes]]) -> int:
        # As Java's clients choose: order is kept however many write.
        partition = _hash(key) % self._partitions[topic]
        number = self._open.get((topic, partition))
        if number is not None:
            added = self.every[number].builder.append(timestamp=None, key=key, value=value, headers=headers)
            if added is not None:
                return number
        number = self._open[topic, partition] = len(self.every)
        load = Load(topic, partition, self._producer.create_batch())
        load.builder.append(timestamp=None, key=key, value=value, headers=headers)
        self.every.append(load)
        return number


def too_large() -> Permanent:
    """Return what is said of a copy that Kafka never takes."""
    return Permanent("the copy is larger than Kafka takes; see HUB_KAFKA_MAX_MESSAGE_BYTES")


@functools.lru_cache(maxsize=16_384)
def _hash(key: bytes) -> int:
    return int(murmur2(key)) & 0x7FFFFFFF
