"""What a test gets of Kafka: an address, a topic prefix of its own, brokers that it may break."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.kafka.absent import KafkaAbsent, give_up
from tests.support.kafka.broker import Broker
from tests.support.kafka.libraries import libraries
from tests.support.ports import free_ports


@dataclass(frozen=True)
class KafkaPlace:
    """Where a test speaks Kafka.

    Attributes:
        address: Bootstrap server.
        prefix: Before each topic's and group's name, so that tests share a broker unseen.
    """

    address: str
    prefix: str = ""

    @property
    def environment(self) -> Mapping[str, str]:
        """How a hub is told of it."""
        return {
            "HUB_KAFKA_BOOTSTRAP_SERVERS": self.address,
            "HUB_KAFKA_TOPIC_PREFIX": self.prefix,
            "HUB_KAFKA_REPLICATION": "1",
        }

    async def make(self, *topics: str, partitions: int = 1) -> None:
        """Create topics by their names without the prefix."""
        from aiokafka.admin import AIOKafkaAdminClient, NewTopic

        admin = AIOKafkaAdminClient(bootstrap_servers=self.address)
        await admin.start()
        try:
            await admin.create_topics([NewTopic(self.prefix + topic, partitions, 1) for topic in topics])
        finally:
            await admin.close()

    @contextlib.asynccontextmanager
    async def reading(self, *topics: str) -> AsyncIterator[Any]:
        """Yield a plain consumer at the beginning of topics, by their names without the prefix; it joins no group."""
        from aiokafka import AIOKafkaConsumer, TopicPartition

        consumer = AIOKafkaConsumer(bootstrap_servers=self.address, auto_offset_reset="earliest")
        await consumer.start()
        try:
            cluster = await _metadata(consumer)
            names = [self.prefix + topic for topic in topics]
            found = [
                TopicPartition(name, number) for name in names for number in sorted(cluster.partitions_for_topic(name))
            ]
            consumer.assign(found)
            await consumer.seek_to_beginning(*found)
            yield consumer
        finally:
            await consumer.stop()

    async def everything(self, *topics: str) -> list[Any]:
        """Return every record that topics hold by now, in order within each partition."""
        async with self.reading(*topics) as consumer:
            ends = await consumer.end_offsets(consumer.assignment())
            found: list[Any] = []
            while any([await consumer.position(place) < end for place, end in ends.items()]):
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += records
            return found


@contextlib.contextmanager
def own_broker(folder: Path, *, start: bool = True) -> Iterator[Broker]:
    """Run a broker that the test may stop, kill, freeze, start again; skip the test where there can be none."""
    try:
        jars = libraries()
    except KafkaAbsent as reason:
        give_up(f"a test that breaks its broker needs one of its own, and {reason}")
    client, controller = free_ports(2)
    broker = Broker(jars, folder, (client, controller))
    if start:
        broker.start()
    try:
        yield broker
    finally:
        broker.kill()


async def _metadata(consumer: Any) -> Any:
    """Ask for the topics until a broker knows them: one that was just thawed tells of no broker for a while."""
    from aiokafka.errors import KafkaError

    deadline = time.monotonic() + 30
    while True:
        try:
            return await consumer._client.fetch_all_metadata()
        except KafkaError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.2)


def by_key(records: Sequence[Any]) -> dict[str, list[Any]]:
    """Return records under their keys, in order."""
    found: dict[str, list[Any]] = {}
    for record in records:
        found.setdefault(record.key.decode(), []).append(record)
    return found
