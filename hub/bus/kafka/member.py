"""One group's membership in Kafka: records in, keys to the group, offsets back after the work."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka.errors import IllegalStateError, KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import FAKE_CONSUMER, KafkaMessage
from faststream.message import StreamMessage

from hub.bus.kafka import notices
from hub.bus.kafka.connection import CLIENT_ID, leaving_nothing_open
from hub.bus.kafka.drain import Drain, offsets_behind
from hub.bus.kafka.security import security
from hub.errors import StoreUnavailable
from hub.kafka_settings import KafkaSettings
from hub.ports import Clock, Store, Subscription
from hub.settings import Waits
from hub.telemetry import logger

log = logger("bus")

_MOST_RECORDS: Final = 500
_DAY_MS: Final = 86_400_000


class _GivenBack(Exception):
    """A batch whose partitions left while it waited for the database."""


@dataclass(slots=True)
class Means:
    """What every member of a process works with.

    Attributes:
        foreign: Told of records that speak of no event of ours, by their number.
    """

    settings: KafkaSettings
    topic: str
    store: Store
    clock: Clock
    waits: Waits
    foreign: Callable[[int], Awaitable[None]]


@dataclass(slots=True)
class Member:
    """One life of one group's consumer; it ends with ``stop``, then another begins.

    Attributes:
        is_doorman: Tells of foreign records; one member of a process does, for all of them read the same topic.
        broken: What the group's work raised; the process must not go on.
    """

    means: Means
    subscription: Subscription
    is_doorman: bool
    broken: asyncio.Future[None]
    _drain: Drain = field(init=False)
    _broker: KafkaBroker = field(init=False)
    _subscriber: Any = field(init=False)
    _work: asyncio.Task[None] | None = None
    _stopping: bool = False
    _moved_at: float = 0.0
    _seen: dict[Any, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Declare the subscription; nothing connects yet."""
        means, waits = self.means, self.means.waits
        self._drain = Drain(self.subscription.group, seconds=waits.kafka_drain_seconds)
        self._broker = KafkaBroker(
            list(means.settings.bootstrap_servers),
            client_id=CLIENT_ID,
            security=security(means.settings),
            consumer_only=True,
            allow_auto_create_topics=False,
            apply_types=False,
            graceful_timeout=waits.kafka_stop_seconds,
            logger=logging.getLogger("faststream"),
            log_level=logging.DEBUG,
        )
        session = int(waits.kafka_session_seconds * 1000)
        self._subscriber = self._broker.subscriber(
            means.topic,
            group_id=means.settings.topic_prefix + self.subscription.group,
            batch=True,
            max_records=_MOST_RECORDS,
            batch_timeout_ms=int(waits.kafka_poll_seconds * 1000),
            ack_policy=AckPolicy.MANUAL,
            auto_offset_reset="earliest",
            listener=self._drain,
            session_timeout_ms=session,
            heartbeat_interval_ms=session // 10,
            # Above the longest drain. Members that only wait for their database stay: heartbeats go on.
            rebalance_timeout_ms=int(waits.kafka_drain_seconds * 1000) + session,
            max_poll_interval_ms=_DAY_MS,
            parser=_as_it_came,
            decoder=_records,
            no_reply=True,
        )
        self._subscriber(self._take)

    @property
    def owns_something(self) -> bool:
        """Whether any partition is ours now."""
        return bool(self._drain.owned)

    async def start(self) -> None:
        """Join the group.

        Raises:
            KafkaError: Kafka does not serve.
        """
        self._moved_at = self.means.clock.monotonic()
        with leaving_nothing_open():
            await self._broker.start()

    async def stop(self) -> None:
        """Let the batch in hand end, then leave, not waiting for a broker that is away."""
        self._stopping = True
        self._drain.leaving.set()
        if self._work is not None:
            self._work.cancel()
        consumer = getattr(self._subscriber, "consumer", None)
        try:
            async with asyncio.timeout(self.means.waits.kafka_stop_seconds):
                await self._broker.stop()
        except (KafkaError, OSError, TimeoutError):
            if consumer is not None:
                # Whatever it still asks the broker for fails now.
                with contextlib.suppress(KafkaError, OSError, TimeoutError):
                    async with asyncio.timeout(self.means.waits.kafka_stop_seconds):
                        await consumer._client.close()  # noqa: SLF001 - stop alone would wait for the broker
                        await consumer.stop()

    async def stands_still(self) -> bool:
        """Tell whether there has been something to read for long, yet nothing was."""
        consumer, now = self._subscriber.consumer, self.means.clock.monotonic()
        if consumer is None or self._drain.lock.locked() or not self._drain.owned:
            self._moved_at = now
            return False
        try:
            ends = await consumer.end_offsets(list(self._drain.owned))
            places = {place: await consumer.position(place) for place in ends}
        except IllegalStateError:
            # Partitions are on the move.
            self._moved_at = now
            return False
        if places != self._seen or all(places[place] >= end for place, end in ends.items()):
            self._seen, self._moved_at = places, now
        return now - self._moved_at > self.means.waits.kafka_stall_seconds

    async def _take(self, records: Sequence[Any]) -> None:
        """Handle a batch, then say how far it went; it must not raise, or the next batch would pass it over."""
        async with self._drain.lock:
            ours = self._drain.ours(records)
            if not ours or self._stopping:
                return
            self._work = asyncio.ensure_future(self._handle(ours))
            try:
                await self._work
                await self._subscriber.consumer.commit(offsets_behind(ours))
            except asyncio.CancelledError:
                if not self._stopping:
                    raise
            except _GivenBack:
                # Nothing was done: whoever has the partition next begins with these records.
                return
            except (KafkaError, IllegalStateError) as error:
                # The partition is another member's by now, which finds the work done.
                log.info("offsets were not kept", group=self.subscription.group, error=type(error).__name__)
            except Exception as error:  # noqa: BLE001 - a bug of ours: whoever waits for the bus is told
                self._stopping = True
                if not self.broken.done():
                    self.broken.set_exception(error)
            finally:
                self._work = None

    async def _handle(self, records: Sequence[Any]) -> None:
        while True:
            try:
                await self._hand_over(records)
            except StoreUnavailable as error:
                log.warning("the database cannot serve", group=self.subscription.group, error=str(error))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self.means.waits.store_retry_seconds):
                        await self._drain.leaving.wait()
                if self._drain.leaving.is_set():
                    raise _GivenBack from None
            else:
                return

    async def _hand_over(self, records: Sequence[Any]) -> None:
        types = self.subscription.types
        some = records if self.is_doorman else [one for one in records if notices.concerns(one, types)]
        if not some:
            return
        told = await self.means.store.read(lambda tx: notices.read(tx, some, types))
        if self.is_doorman and told.foreign:
            await self.means.foreign(told.foreign)
        if told.keys:
            await self.subscription.work(told.keys)


async def _as_it_came(records: Any) -> StreamMessage[Any]:
    """Keep records as they are: the library's parser would skip a whole batch over one header that is no text."""
    return KafkaMessage(body=b"", raw_message=records, consumer=FAKE_CONSUMER)


async def _records(message: StreamMessage[Any]) -> Any:
    return message.raw_message
