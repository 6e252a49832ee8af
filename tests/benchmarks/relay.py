"""Measures how fast the relay sends events of 1 KB to Kafka from PostgreSQL."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from aiokafka import AIOKafkaProducer

from hub.bus.kafka.publisher import KafkaPublisher
from hub.pipeline.relay import Relay
from hub.settings import Waits
from hub.system import SystemClock
from schemas.topics import MESSAGES
from tests.benchmarks.figures import Figure
from tests.benchmarks.place import Place
from tests.benchmarks.services import Services, a_store, services, state, until_published

SAYS: Final = "events of 1 KB wait in PostgreSQL, the relay sends them; broker, database, relay on the same cores"
_AT_ONCE: Final = 500


def run(place: Place) -> list[Figure]:
    """State, then send; the broker's own speed is taken before each round."""
    with services(place.folder) as found:
        return asyncio.run(_run(place, found))


async def _run(place: Place, found: Services) -> list[Figure]:
    count = place.size.messages * 3
    rates, costs, bare = [], [], []
    async with a_store(found) as store:
        for number in range(min(place.size.rounds, 4)):
            bare.append(await _bare(found, count))
            await state(store, count, number)
            publisher = KafkaPublisher(found.settings, seconds=60)
            await publisher.open()
            relay = Relay(store, publisher, SystemClock(), Waits(), holder="bench")
            began, cpu = time.perf_counter(), time.process_time()
            task = asyncio.create_task(relay.run())
            await until_published(store)
            rates.append(count / (time.perf_counter() - began))
            costs.append(1e6 * (time.process_time() - cpu) / count)
            await relay.stop(task)
            place.say(
                f"round {number + 1}: {rates[-1]:,.0f}/s at {costs[-1]:.0f} µs; a bare producer {bare[-1]:,.0f}/s"
            )
    baseline = {"bare_producer_per_second": sorted(bare)[len(bare) // 2]}
    return place.figures({"relay.rate": rates, "relay.cpu_us": costs}, baseline)


async def _bare(found: Services, count: int) -> float:
    """Send as many records of 1 KB by a producer as safe as the relay's, then return how many a second."""
    producer = AIOKafkaProducer(bootstrap_servers=found.kafka.address, acks="all", enable_idempotence=True)
    await producer.start()
    began = time.perf_counter()
    for first in range(0, count, _AT_ONCE):
        sent = [
            await producer.send(MESSAGES.name, b"x" * 1000, key=f"k{number}".encode())
            for number in range(first, min(first + _AT_ONCE, count))
        ]
        await asyncio.gather(*sent)
    taken = time.perf_counter() - began
    await producer.stop()
    return count / taken
