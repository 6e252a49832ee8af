"""Runs the relay of a process that was told of a Kafka."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from hub.pipeline.relay import Relay
from hub.ports import Store

if TYPE_CHECKING:
    from hub.bootstrap import Hub


@contextlib.asynccontextmanager
async def publishing(hub: Hub, store: Store) -> AsyncIterator[None]:
    """Send every event to Kafka until the block ends; do nothing where no Kafka is set."""
    if hub.kafka is None:
        yield
        return
    # In a thread: the libraries take half a second to load, while webhooks are already answered.
    module = await asyncio.to_thread(importlib.import_module, "hub.bus.kafka.publisher")
    waits = hub.settings.waits
    publisher = module.KafkaPublisher(hub.kafka, seconds=waits.publish_seconds)
    hub.relay = Relay(store, publisher, hub.clock, waits, holder=hub.randomness.token())
    task = hub.spawn(hub.relay.run(), "relay")
    try:
        yield
    finally:
        await hub.relay.stop(task)
