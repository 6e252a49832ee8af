"""Runs a consumer group in processes that are killed, forked from one that has everything imported."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

from hub import killpoints
from hub.bus.embedded import EmbeddedBus
from hub.pipeline.consumer import Consumer, Upkeep, consumer, join
from hub.settings import Waits
from hub.store import events
from hub.store.sqlite import SqliteStore
from hub.system import SystemClock
from hub.telemetry import configure_logs
from tests.contracts.event_bus.ledger import Ledger

WAITS = Waits(event_retry_seconds=(0.001,) * 50, sweep_interval_seconds=0.05, sweep_age_seconds=0)


async def live(data: Path, seed: int) -> None:
    """Handle all there is; as in the hub, after an unclean end the first batch goes carefully."""
    chance = random.Random(seed)
    store = SqliteStore(data / "hub.db", SystemClock())
    mark = data / "running"
    was_clean = not mark.exists()
    mark.touch()
    async with store.running():
        ledger = Ledger(trouble=lambda key, number: _trouble(chance, key, number))
        await join(store, [ledger.handler])
        group = Consumer(ledger.handler, store, SystemClock(), WAITS)
        await group.load()
        upkeep = Upkeep(group)
        if not was_clean:
            await upkeep.take_first_batch_carefully()
        bus = EmbeddedBus(store)
        bus.subscribe(group.subscription)
        await bus.start()
        caring = asyncio.create_task(upkeep.run())
        await _all_done(store, group)
        caring.cancel()
        await asyncio.gather(caring, return_exceptions=True)
        await bus.stop()
    mark.unlink()


async def _all_done(store: SqliteStore, group: Consumer) -> None:
    while await store.read(lambda tx: len(events.oldest_undone(tx, group.follower, 1))):  # noqa: ASYNC110 - no event tells
        await asyncio.sleep(0.002)


def _trouble(chance: random.Random, key: str, _number: int) -> None:
    if key == "killer":
        os.kill(os.getpid(), signal.SIGKILL)
    luck = chance.random()
    if luck < 0.05:
        time.sleep(0.001)
    if luck > 0.99:
        msg = "bad luck"
        raise ValueError(msg)


def _arm(point: str, count: int) -> None:
    killpoints.arm(f"{point}:{count}")


def main() -> None:
    """For each line on standard input live once, then say how it ended: 0, or the signal as a negative number."""
    configure_logs(json=True)
    # Small batches: more of them can be killed.
    consumer.MOST_EVENTS = 8  # type: ignore[misc]
    for line in sys.stdin:
        wanted: dict[str, Any] = json.loads(line)
        child = os.fork()
        if child == 0:
            _arm(wanted["point"], wanted["count"])
            asyncio.run(live(Path(wanted["data"]), wanted["seed"]))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
