"""What a group does besides its notices: retries, sweeps, probes, the careful first batch."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy.engine import Row

from hub.errors import StoreUnavailable
from hub.pipeline.consumer import failures
from hub.pipeline.consumer.consumer import MOST_EVENTS, Consumer
from hub.store import events, groups, suspects
from hub.store.transaction import Origin, Transaction, UnitOfWork
from hub.telemetry import logger

log = logger("consumer")

_SCAN: Final = 20_000
_MOST_KEYS: Final = 1_000
_TICK_SECONDS: Final = 1.0


class Upkeep:
    """Keeps one group going when nobody announces anything."""

    def __init__(self, consumer: Consumer) -> None:
        """Look after ``consumer``."""
        self._consumer = consumer
        self._waits = consumer.waits

    async def run(self) -> None:
        """Look after the group until cancelled."""
        clock = self._consumer.clock
        swept_at = clock.monotonic()
        tick = min(_TICK_SECONDS, self._waits.sweep_interval_seconds, min(self._waits.event_retry_seconds) / 2)
        while True:
            await asyncio.sleep(tick)
            try:
                if self._consumer.paused:
                    await self.look_at_pause()
                    continue
                await self.retry_held()
                if clock.monotonic() - swept_at >= self._waits.sweep_interval_seconds:
                    swept_at = clock.monotonic()
                    await self.sweep(self._waits.sweep_age_seconds)
            except StoreUnavailable as error:
                log.warning("the database cannot serve; the group waits", group=self._consumer.group, error=str(error))

    async def retry_held(self) -> None:
        """Try the keys whose hold is over."""
        now = self._consumer.clock.now()
        rows = await self._consumer.store.read(lambda tx: groups.held(tx, self._consumer.group))
        due = [row.key for row in rows if row.held_until <= now]
        if due:
            await self._consumer.work(due)

    async def sweep(self, age_seconds: float = 0.0) -> int:
        """Find events of at least that age that nobody announced; handle them; return how many keys had some.

        Moves the group's floor, the position below which all is done, so that no look goes over all of history.
        """
        consumer = self._consumer
        old = consumer.clock.now() - timedelta(seconds=age_seconds)
        newest = await consumer.store.read(events.newest)
        keys: dict[str, None] = {}
        after, floor = consumer.floor, newest
        while after < newest and len(keys) < _MOST_KEYS:
            until = min(after + _SCAN, newest)
            page = await consumer.store.read(lambda tx, a=after, u=until: self._page(tx, a, u))  # type: ignore[misc]
            if page and floor == newest:
                floor = page[0].position - 1
            keys.update(dict.fromkeys(row.key for row in page if row.receivedat <= old and row.held_until is None))
            after = page[-1].position if len(page) == _MOST_KEYS else until
        if floor > consumer.floor:
            await consumer.store.transact(
                lambda unit: groups.set_floor(self._tx(unit), consumer.group, floor), name="groups.floor"
            )
            consumer.floor = floor
        if keys:
            await consumer.work(list(keys))
        return len(keys)

    async def look_at_pause(self) -> None:
        """Go on when a person said so; else try one event when the probe is due."""
        consumer = self._consumer
        row = await consumer.store.read(lambda tx: groups.get(tx, consumer.group))
        if row is None or row.state == "active":
            await consumer.set_pause(reason=None)
            await self.sweep()
            return
        if row.probe_at is not None and row.probe_at > consumer.clock.now():
            return
        oldest = await consumer.store.read(lambda tx: self._oldest(tx, 1))
        if not oldest or await consumer.try_alone(oldest[0], counts=False):
            log.warning("the group goes on", group=consumer.group)
            await consumer.set_pause(reason=None)
            await self.sweep()
            return
        wait = min(row.probe_wait_seconds * 2, self._waits.probe_max_seconds)
        at = consumer.clock.now() + timedelta(seconds=wait)
        await consumer.set_pause(reason=row.reason, probe_at=at, wait_seconds=int(wait))

    async def take_first_batch_carefully(self) -> None:
        """After an unclean stop: one event at a time, each marked before it is tried, so that a killer is found."""
        consumer = self._consumer
        for row in await consumer.store.read(lambda tx: self._oldest(tx, MOST_EVENTS)):
            if consumer.paused:
                return
            crashes = await consumer.store.transact(
                lambda unit, item=row.id: suspects.mark(self._tx(unit), consumer.group, item),  # type: ignore[misc]
                name=f"{consumer.group}.mark",
            )
            if crashes >= suspects.CRASHES:
                error = failures.Poison("the process died three times with this event alone in hand")
                give_up = failures.give_up(consumer.handler, row, error)
                await consumer.store.transact(give_up, name=f"{consumer.group}.poison")
            else:
                await consumer.try_alone(row)
            await consumer.store.transact(
                lambda unit, item=row.id: suspects.clear(self._tx(unit), consumer.group, item),  # type: ignore[misc]
                name=f"{consumer.group}.clear",
            )

    def _page(self, tx: Transaction, after: int, until: int) -> Sequence[Row[Any]]:
        consumer = self._consumer
        return events.undone_page(
            tx,
            consumer.group,
            consumer.handler.type_names,
            consumer.start,
            after=after,
            until=until,
            limit=_MOST_KEYS,
        )

    def _oldest(self, tx: Transaction, limit: int) -> Sequence[Row[Any]]:
        consumer = self._consumer
        return events.oldest_undone(
            tx, consumer.group, consumer.handler.type_names, consumer.start, after=consumer.floor, limit=limit
        )

    def _tx(self, unit: UnitOfWork) -> Transaction:
        return unit.begin(Origin("", self._consumer.group, "hub"))
