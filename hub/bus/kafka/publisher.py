"""Sends copies of events to Kafka by an idempotent producer that can be replaced."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Sequence
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError
from aiokafka.partitioner import murmur2

from hub.bus.kafka.connection import leaving_nothing_open, options, telling
from hub.errors import BrokerUnavailable, Permanent, Transient
from hub.kafka_settings import PREFIX, KafkaSettings
from hub.ports import Copy
from schemas import topics

_BATCH_BYTES: Final = 262_144

# Longer than any outage: a batch that expires has used up its sequence numbers, and the producer is broken for ever
# (measured, aiokafka 0.14). The time-outs that count are our own.
_LIBRARY_TIMEOUT_MS: Final = 24 * 3_600_000
_END_SECONDS: Final = 2.0
_TOO_LARGE: Final = (MessageSizeTooLargeError, RecordListTooLargeError)


class NotAcknowledged(Transient):
    """Nobody knows whether Kafka took it: send it again."""


class KafkaPublisher:
    """Implements ``hub.ports.Publisher``.

    A producer lives until the first copy that it could not deliver; ``close`` ends it without waiting for anybody.
    """

    def __init__(self, settings: KafkaSettings, *, seconds: float) -> None:
        """Prepare; a call that Kafka has not answered after ``seconds`` ends without its answer.

        Raises:
            Misconfigured: A certificate or the password cannot be read.
        """
        options(settings)
        self._settings = settings
        self._seconds = seconds
        self._producer: AIOKafkaProducer | None = None

    async def open(self) -> None:
        """Start a producer, unless there is one."""
        if self._producer is not None:
            return
        producer = AIOKafkaProducer(
            **options(self._settings),
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            max_batch_size=_BATCH_BYTES,
            max_request_size=self._settings.max_message_bytes,
            request_timeout_ms=_LIBRARY_TIMEOUT_MS,
            partitioner=_partition,
        )
        try:
            with telling(), leaving_nothing_open():
                async with asyncio.timeout(self._seconds):
                    await producer.start()
                    await self._refuse_missing(producer)
        except BaseException:
            await _end(producer)
            raise
        self._producer = producer

    async def publish(self, copies: Sequence[Copy]) -> Sequence[Exception | None]:
        """Send copies in order; what has no answer in time is not acknowledged."""
        if self._producer is None:
            msg = "the publisher is closed"
            raise BrokerUnavailable(msg)
        sent: list[list[asyncio.Future[Any]]] = []
        stopped: Exception | None = None
        try:
            async with asyncio.timeout(self._seconds):
                for copy in copies:
                    sent.append([])
                    await self._send(self._producer, copy, sent[-1])
        except (KafkaError, TimeoutError) as error:
            # Nothing is sent behind what failed, so that no key's order is lost.
            stopped = error
        pending = [future for each in sent for future in each]
        try:
            if pending:
                await asyncio.wait(pending, timeout=self._seconds)
            return self._outcomes(len(copies), sent, stopped)
        finally:
            for future in pending:
                future.cancel()

    async def close(self) -> None:
        """End the producer."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await _end(producer)

    async def _send(self, producer: AIOKafkaProducer, copy: Copy, futures: list[asyncio.Future[Any]]) -> None:
        log = self._settings.topic(topics.LOG.name)
        futures.append(await producer.send(log, key=copy.key, headers=list(copy.notice)))
        if copy.topic is not None:
            topic = self._settings.topic(copy.topic)
            futures.append(await producer.send(topic, copy.value, key=copy.key, headers=list(copy.headers)))

    @staticmethod
    def _outcomes(
        count: int, sent: Sequence[Sequence[asyncio.Future[Any]]], stopped: Exception | None
    ) -> list[Exception | None]:
        found = [next(filter(None, map(_failure, futures)), None) for futures in sent]
        if stopped is not None:
            found[-1] = _told(stopped)
        unsent = NotAcknowledged("it stood behind a copy that failed")
        return found + [unsent] * (count - len(found))

    async def _refuse_missing(self, producer: AIOKafkaProducer) -> None:
        # A send to a topic that is missing would wait for it until the library's time-out.
        cluster = await producer.client.fetch_all_metadata()
        wanted = [self._settings.topic(topic.name) for topic in topics.ALL]
        missing = [name for name in wanted if not cluster.partitions_for_topic(name)]
        if missing:
            msg = f"Kafka lacks {', '.join(missing)}: run hub topics apply, or set {PREFIX}TOPIC_PREFIX right"
            raise BrokerUnavailable(msg)


@functools.lru_cache(maxsize=16_384)
def _hash(key: bytes) -> int:
    return int(murmur2(key)) & 0x7FFFFFFF


def _partition(key: bytes, every: Sequence[int], _available: Sequence[int]) -> int:
    """Choose as Java's clients do; each key's hash is wanted twice at least, for its notice beside its copy."""
    return every[_hash(key) % len(every)]


def _failure(future: asyncio.Future[Any]) -> Exception | None:
    if not future.done():
        return NotAcknowledged("Kafka has not answered in time")
    if future.cancelled():
        return NotAcknowledged("it was called off")
    error = future.exception()
    return None if error is None else _told(error)


def _told(error: BaseException) -> Exception:
    if isinstance(error, _TOO_LARGE):
        return Permanent("the copy is larger than Kafka takes; see HUB_KAFKA_MAX_MESSAGE_BYTES")
    return NotAcknowledged(f"Kafka did not take it: {type(error).__name__}")


async def _end(producer: AIOKafkaProducer) -> None:
    """End a producer without waiting for the broker; ``stop`` of the library would wait until it is back.

    The sender goes first: it must not send again what somebody else is about to send.
    """
    producer._closed = True  # noqa: SLF001 - else the library complains that nobody closed it
    sender = producer._sender.sender_task if hasattr(producer._sender, "_sender_task") else None  # noqa: SLF001
    if sender is not None:
        sender.cancel()
    with contextlib.suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(_END_SECONDS):
            await producer.client.close()
    if sender is not None:
        # Cancelled once it still waits for what is in flight; twice it does not.
        await asyncio.wait({sender}, timeout=0)
        sender.cancel()
        await asyncio.wait({sender}, timeout=_END_SECONDS)
