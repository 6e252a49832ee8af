"""Tells whether Kafka serves the log of notices right now."""

from __future__ import annotations

import asyncio
import contextlib

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from hub.bus.kafka.connection import leaving_nothing_open, options
from hub.errors import Misconfigured
from hub.kafka_settings import KafkaSettings


class Reach:
    """One connection that does nothing but ask; the consumers' own say nothing while they try in silence."""

    def __init__(self, settings: KafkaSettings, topic: str, *, seconds: float) -> None:
        """Prepare to ask for ``topic``; no answer within ``seconds`` is an absence."""
        self._settings = settings
        self._topic = topic
        self._seconds = seconds
        self._client: AIOKafkaClient | None = None

    async def why_not(self) -> str | None:
        """Return why the topic cannot be read now, None when it can."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._ask()
        except Misconfigured as error:
            return str(error)
        except (KafkaError, OSError, TimeoutError) as error:
            await self.close()
            return f"Kafka does not serve ({type(error).__name__}); see HUB_KAFKA_BOOTSTRAP_SERVERS"

    async def close(self) -> None:
        """Let go of the connection."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(KafkaError, OSError, TimeoutError):
                async with asyncio.timeout(self._seconds):
                    await client.close()

    async def _ask(self) -> str | None:
        if self._client is None:
            self._client = AIOKafkaClient(
                **options(self._settings), request_timeout_ms=int(self._seconds * 1000), metadata_max_age_ms=3_600_000
            )
            with leaving_nothing_open():
                await self._client.bootstrap()
        self._client.add_topic(self._topic)
        if not await self._client.force_metadata_update():
            msg = "no broker answers"
            raise KafkaError(msg)
        partitions = self._client.cluster.partitions_for_topic(self._topic)
        if not partitions:
            return f"Kafka lacks {self._topic}: run hub topics apply, or set HUB_KAFKA_TOPIC_PREFIX right"
        leaders = [self._client.cluster.leader_for_partition(TopicPartition(self._topic, one)) for one in partitions]
        return None if all(leader not in {None, -1} for leader in leaders) else f"{self._topic} has no leader now"
