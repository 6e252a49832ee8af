"""Sends copies of events to Kafka by an idempotent producer that can be replaced."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from hub.bus.kafka.connection import leaving_nothing_open, options, telling
from hub.bus.kafka.loads import BATCH_BYTES, Load, Loads, too_large
from hub.errors import BrokerUnavailable, Transient
from hub.kafka_settings import PREFIX, KafkaSettings
from hub.ports import Copy
from schemas import topics

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
        self._partitions: dict[str, int] = {}

    async def open(self) -> None:
        """Start a producer, unless there is one."""
        if self._producer is not None:
            return
        producer = AIOKafkaProducer(
            **options(self._settings),
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            max_batch_size=min(BATCH_BYTES, self._settings.max_message_bytes),
            max_request_size=self._settings.max_message_bytes,
            request_timeout_ms=_LIBRARY_TIMEOUT_MS,
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
        loads = Loads(self._producer, self._partitions, self._settings)
        placed = []
        for copy in copies:
            place = loads.place(copy)
            if place is None:
                # Nothing is sent behind what failed, so that no key's order is lost.
                break
            placed.append(place)
        became = await self._sent(self._producer, loads.every)
        found = [next(filter(None, (became[number] for number in place)), None) for place in placed]
        return found + _refused(len(copies) - len(placed))

    async def close(self) -> None:
        """End the producer."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await _end(producer)

    async def _sent(self, producer: AIOKafkaProducer, loads: Sequence[Load]) -> list[Exception | None]:
        """Send loads in order, then return what became of each."""
        answers: list[asyncio.Future[Any]] = []
        stopped: BaseException = TimeoutError()
        try:
            async with asyncio.timeout(self._seconds):
                for one in loads:
                    answer = await producer.send_batch(one.builder, one.topic, partition=one.partition)
                    answers.append(answer)
        except (KafkaError, TimeoutError, AssertionError) as error:
            # An assertion of the library: a topic that was made anew has fewer partitions.
            stopped = error
        try:
            if answers:
                await asyncio.wait(answers, timeout=self._seconds)
            became = [_failure(answer) for answer in answers]
        finally:
            for answer in answers:
                answer.cancel()
        return became + [_told(stopped)] * (len(loads) - len(became))

    async def _refuse_missing(self, producer: AIOKafkaProducer) -> None:
        # A send to a topic that is missing would wait for it until the library's time-out.
        cluster = await producer.client.fetch_all_metadata()
        wanted = [self._settings.topic(topic.name) for topic in topics.ALL]
        self._partitions = {name: len(cluster.partitions_for_topic(name) or ()) for name in wanted}
        missing = [name for name, partitions in self._partitions.items() if not partitions]
        if missing:
            msg = f"Kafka lacks {', '.join(missing)}: run hub topics apply, or set {PREFIX}TOPIC_PREFIX right"
            raise BrokerUnavailable(msg)


def _refused(count: int) -> list[Exception | None]:
    """Return what becomes of a copy that is too large, with those behind it, none of which was sent."""
    unsent = NotAcknowledged("it stood behind a copy that failed")
    return [too_large(), *[unsent] * (count - 1)] if count else []


def _failure(future: asyncio.Future[Any]) -> Exception | None:
    if not future.done():
        return NotAcknowledged("Kafka has not answered in time")
    if future.cancelled():
        return NotAcknowledged("it was called off")
    error = future.exception()
    return None if error is None else _told(error)


def _told(error: BaseException) -> Exception:
    if isinstance(error, _TOO_LARGE):
        return too_large()
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
