"""The workshop of the Kafka bus: one SQLite file, notices by way of a real broker."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from hub.bus.kafka.bus import KafkaBus
from hub.bus.kafka.publisher import KafkaPublisher
from hub.kafka_settings import KafkaSettings, load
from hub.pipeline.relay import Relay
from hub.ports import Clock, EventBus, Subscription
from hub.settings import Waits
from tests.contracts.event_bus.embedded import EmbeddedWorkshop
from tests.support.kafka import KafkaPlace
from tests.support.unreliable_store import UnreliableStore

# The relay's own look would find what a deaf store tells nobody: that is left to the sweep.
QUICK = Waits(
    store_retry_seconds=0.01,
    publish_retry_seconds=0.05,
    publish_look_seconds=60,
    publish_stop_seconds=1,
    kafka_poll_seconds=0.01,
    kafka_session_seconds=3,
    kafka_look_seconds=0.5,
    kafka_drain_seconds=5,
)


class RelayedBus:
    """The Kafka bus with the relay that feeds it, as one process of the hub has them."""

    def __init__(self, store: UnreliableStore, settings: KafkaSettings, clock: Clock, waits: Waits = QUICK) -> None:
        """Prepare both."""
        self.bus = KafkaBus(store, settings, clock, waits)
        self.publisher = KafkaPublisher(settings, seconds=5)
        self.relay = Relay(store, self.publisher, clock, waits, holder="workshop")
        self._task: asyncio.Task[None] | None = None

    @property
    def away(self) -> str | None:
        """Why no notices come now."""
        return self.bus.away

    def subscribe(self, subscription: Subscription) -> None:
        """Add a group."""
        self.bus.subscribe(subscription)

    async def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self.relay.run())
        await self.bus.start()

    async def wait(self) -> None:
        """Return when the bus was stopped."""
        await self.bus.wait()

    async def stop(self) -> None:
        """Stop both."""
        await self.bus.stop()
        if self._task is not None:
            await self.relay.stop(self._task)

    async def drop(self) -> None:
        """Stop both without a word about what is in hand."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.bus.stop()


class KafkaWorkshop(EmbeddedWorkshop):
    """One SQLite file with the bus of many processes."""

    def __init__(self, data: Path, kafka: KafkaPlace) -> None:
        """Make the file; the topics are there."""
        super().__init__(data)
        settings = load(kafka.environment)
        assert settings is not None
        self.settings = settings

    async def open_store(self) -> UnreliableStore:
        """Open the file, of which the last life knows nothing any more."""
        self._stack = contextlib.AsyncExitStack()
        return await super().open_store()

    def make_bus(self, store: UnreliableStore) -> EventBus:
        """Return the bus with its relay."""
        return RelayedBus(store, self.settings, self.clock)

    async def drop_bus(self) -> None:
        """Take the database away from under the bus, then end it: nothing in hand can be finished."""
        assert isinstance(self.bus, RelayedBus)
        self.store.fault = lambda: "before"
        await self.bus.drop()
