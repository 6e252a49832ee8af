"""Measures what a consumed event costs in framework with pipeline, its handler doing nothing."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from hub.bus.kafka.bus import KafkaBus
from hub.bus.kafka.publisher import KafkaPublisher
from hub.contracts import Handler
from hub.pipeline.consumer import Consumer, join
from hub.pipeline.relay import Relay
from hub.settings import Waits
from hub.store import events
from hub.store.postgres import PostgresStore
from hub.system import SystemClock
from schemas.messages import MessageReceived
from schemas.topics import LOG
from tests.benchmarks.figures import Figure
from tests.benchmarks.place import Place
from tests.benchmarks.services import Services, a_store, services, state, until_published

SAYS: Final = "messages of 1 KB, announced on Kafka, go through a group whose handler does nothing, on PostgreSQL"


def run(place: Place) -> list[Figure]:
    """Publish, then consume; what reading the bare records costs is taken beside it."""
    with services(place.folder) as found:
        return asyncio.run(_run(place, found))


async def _run(place: Place, found: Services) -> list[Figure]:
    count = place.size.messages
    costs, rates, bare = [], [], []
    async with a_store(found) as store:
        handler = Handler("idle", (MessageReceived,), _nothing, "operations", start="beginning")
        await join(store, [handler])
        consumer = Consumer(handler, store, SystemClock(), Waits())
        await consumer.load()
        for number in range(min(place.size.rounds, 4)):
            await state(store, count, number)
            await _publish(store, found)
            bare.append(await _bare(found))
            bus = KafkaBus(store, found.settings, SystemClock(), Waits())
            bus.subscribe(consumer.subscription)
            began, cpu = time.perf_counter(), time.process_time()
            await bus.start()
            while await store.read(lambda tx: events.oldest_undone(tx, consumer.follower, 1)):  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0.05)
            rates.append(count / (time.perf_counter() - began))
            costs.append(1e6 * (time.process_time() - cpu) / count)
            await bus.stop()
            place.say(f"round {number + 1}: {costs[-1]:.0f} µs an event, {rates[-1]:,.0f}/s; bare {bare[-1]:.1f} µs")
    baseline = {"bare_record_cpu_us": sorted(bare)[len(bare) // 2]}
    return place.figures({"consumed.cpu_us": costs, "consumed.rate": rates}, baseline)


async def _publish(store: PostgresStore, found: Services) -> None:
    relay = Relay(store, KafkaPublisher(found.settings, seconds=60), SystemClock(), Waits(), holder="bench")
    task = asyncio.create_task(relay.run())
    await until_published(store)
    await relay.stop(task)


async def _bare(found: Services) -> float:
    """Read all notices by a plain consumer; return the CPU of one in microseconds."""
    places = [TopicPartition(LOG.name, number) for number in range(12)]
    reader = AIOKafkaConsumer(
        bootstrap_servers=found.kafka.address, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await reader.start()
    reader.assign(places)
    ends = await reader.end_offsets(places)
    read, cpu = 0, time.process_time()
    while read < sum(ends.values()):
        read += sum(map(len, (await reader.getmany(timeout_ms=200, max_records=500)).values()))
    taken = time.process_time() - cpu
    await reader.stop()
    return 1e6 * taken / read


def _nothing(_event: Any, _tx: Any, _ports: Any) -> None:
    return
