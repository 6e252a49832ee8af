"""A client that gets no metadata waits before it asks again; the library alone turns in circles."""

from __future__ import annotations

import time

from aiokafka.client import AIOKafkaClient

from hub.bus.kafka import connection
from tests.support.ports import free_ports

TIMES = 5
PAUSE_MS = 50


async def test_whoever_gets_no_answer_pauses_before_the_next_question() -> None:
    assert connection.CLIENT_ID, "the cure comes with the module that every client of the hub is made by"
    (port,) = free_ports(1)
    client = AIOKafkaClient(bootstrap_servers=f"127.0.0.1:{port}", retry_backoff_ms=PAUSE_MS)

    began = time.monotonic()
    answers = [await client._metadata_update(client.cluster, []) for _ in range(TIMES)]

    assert answers == [False] * TIMES
    assert time.monotonic() - began >= TIMES * PAUSE_MS / 1000
    await client.close()
