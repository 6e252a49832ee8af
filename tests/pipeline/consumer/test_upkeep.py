"""A group that hears no notices looks for events itself, every second instead of every minute."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from hub.pipeline.consumer import Consumer, Upkeep, join
from hub.settings import Waits
from hub.store.transaction import Origin, UnitOfWork
from hub.system import SystemClock
from tests.contracts.event_bus.ledger import Ledger, asked, written
from tests.contracts.event_bus.workshop import eventually
from tests.support.stores import migrated_store


async def test_while_the_bus_is_away_events_of_any_age_are_swept_often(tmp_path: Path) -> None:
    ledger = Ledger()
    away: list[str] = []
    waits = Waits(away_sweep_seconds=0.05, event_retry_seconds=(0.05,))
    async with migrated_store(tmp_path, SystemClock()) as store:
        await join(store, [ledger.handler])
        consumer = Consumer(ledger.handler, store, SystemClock(), waits)
        await consumer.load()
        upkeep = asyncio.create_task(Upkeep(consumer, lambda: away[0] if away else None).run())

        def state(unit: UnitOfWork) -> None:
            unit.begin(Origin("test", "test", "test")).state(asked(1), key="a")

        await store.transact(state, name="test.state")
        await asyncio.sleep(0.2)
        assert ledger.tries == [], "a present bus brings it itself; the sweep waits a minute"

        away.append("the test took Kafka away")

        async def handled() -> bool:
            return await store.read(lambda tx: written(tx, "ledger")) == {"a": [1]}

        await eventually(handled, "the sweep finds it")
        upkeep.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await upkeep
