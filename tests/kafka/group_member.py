"""Runs one process of a consumer group on PostgreSQL with Kafka, which ends or freezes where its test says so."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from hub.bus.kafka.bus import KafkaBus
from hub.kafka_settings import KafkaSettings
from hub.pipeline.consumer import Consumer, Upkeep, join
from hub.settings import Waits
from hub.store.postgres import PostgresStore
from hub.system import SystemClock
from hub.telemetry import configure_logs
from tests.contracts.event_bus.ledger import Ledger

# No sweep helps: what is handled was announced, or left by somebody who had it in hand.
WAITS = Waits(
    kafka_session_seconds=3,
    kafka_look_seconds=0.3,
    kafka_poll_seconds=0.02,
    kafka_drain_seconds=5,
    sweep_interval_seconds=3600,
    store_retry_seconds=0.1,
    publish_retry_seconds=0.2,
)
SIGNALS = {"kill": signal.SIGKILL, "freeze": signal.SIGSTOP}
"""The key whose third event sends its signal to the first process that has it in hand, inside the transaction."""


class Member:
    """What the process does with each event, told line by line on standard output."""

    def __init__(self, folder: Path) -> None:
        """Keep marks in ``folder``: each signal comes once over all processes."""
        self._folder = folder

    def trouble(self, key: str, number: int) -> None:
        """Take a while; perhaps end here."""
        _tell(f"{key} {number}")
        time.sleep(0.002)
        sent = SIGNALS.get(key)
        if sent is not None and number == 3:
            with contextlib.suppress(FileExistsError):
                (self._folder / key).touch(exist_ok=False)
                _tell(f"{key}s")
                os.kill(os.getpid(), sent)

    async def live(self, wanted: dict[str, Any]) -> None:
        """Work until told to end."""
        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        ledger = Ledger(trouble=self.trouble, answers=False)
        async with PostgresStore(wanted["database"], SystemClock()).running() as store:
            await join(store, [ledger.handler])
            consumer = Consumer(ledger.handler, store, SystemClock(), WAITS)
            await consumer.load()
            settings = KafkaSettings(bootstrap_servers=(wanted["kafka"],), topic_prefix=wanted["prefix"])
            bus = KafkaBus(store, settings, SystemClock(), WAITS)
            bus.subscribe(consumer.subscription)
            await bus.start()
            caring = [asyncio.create_task(Upkeep(consumer).run()), asyncio.create_task(_tell_share(bus))]
            await ended.wait()
            for task in caring:
                task.cancel()
            await asyncio.gather(*caring, return_exceptions=True)
            await bus.stop()


async def _tell_share(bus: KafkaBus) -> None:
    told = None
    while True:
        share = sum(len(member._drain.owned) for member in bus.members)
        if share != told:
            _tell(f"owns {share}")
        told = share
        await asyncio.sleep(0.05)


def _tell(line: str) -> None:
    os.write(sys.stdout.fileno(), f"{line}\n".encode())


if __name__ == "__main__":
    configure_logs(json=True)
    given = json.loads(sys.argv[1])
    asyncio.run(Member(Path(given["folder"])).live(given))
