"""What a group does besides its notices: retries, sweeps, probes, the careful first batch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy.engine import Row

from hub.errors import StoreUnavailable
from hub.pipeline.consumer import attempt, failures
from hub.pipeline.consumer.attempt import InLine
from hub.pipeline.consumer.consumer import MOST_EVENTS, Consumer
from hub.store import events, groups, suspects
from hub.store.settled import settled
from hub.store.transaction import Origin, Transaction, UnitOfWork
from hub.telemetry import logger

log = logger("consumer")

_SCAN: Final = 20_000
_PAGE: Final = 1_000
_LONGEST_TICK_SECONDS: Final = 1.0
_SHORTEST_TICK_SECONDS: Final = 0.01


class Upkeep:
    """Keeps one group going when nobody announces anything."""

    def __init__(self, consumer: Consumer, is_away: Callable[[], object] = lambda: None) -> None:
        """Look after ``consumer``; while ``is_away`` tells a reason nobody brings notices."""
        self._consumer = consumer
        self._is_away = is_away
        self._waits = consumer.waits
        self._probes = 0
        self._in_hand: str | None = None
        self._marked: str | None = None
        self._crashes = 0
        self._swept_at = consumer.clock.monotonic()

    @property
    def group(self) -> str:
        """The group that is looked after."""
        return self._consumer.group

    async def run(self) -> None:
        """Look after the group until cancelled."""
        waits = self._waits
        self._swept_at = self._consumer.clock.monotonic()
        shortest = min(waits.sweep_interval_seconds, waits.probe_seconds, *(s / 2 for s in waits.event_retry_seconds))
        tick = min(max(shortest, _SHORTEST_TICK_SECONDS), _LONGEST_TICK_SECONDS)
        while True:
            await asyncio.sleep(tick)
            try:
                await self.look_after()
            except StoreUnavailable as error:
                log.warning("the database cannot serve; the group waits", group=self._consumer.group, error=str(error))

    async def look_after(self) -> None:
        """Do what is due now."""
        if self._consumer.paused:
            await self.look_at_pause()
            return
        await self.retry_held()
        await self._consumer.work_left()
        away, now, waits = self._is_away() is not None, self._consumer.clock.monotonic(), self._waits
        if now - self._swept_at >= (waits.away_sweep_seconds if away else waits.sweep_interval_seconds):
            self._swept_at = now
            await self.sweep(0 if away else waits.sweep_age_seconds)

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
        newest = await consumer.store.read(settled)
        after, floor = consumer.follower.floor, newest
        found: set[str] = set()
        while after < newest and not consumer.paused:
            until = min(after + _SCAN, newest)
            page = await consumer.store.read(lambda tx, a=after, u=until: self._page(tx, a, u))  # type: ignore[misc]
            if page:
                floor = min(floor, page[0].position - 1)
            after = page[-1].position if len(page) == _PAGE else until
            keys = self._missed(page, timedelta(seconds=age_seconds))
            found.update(keys)
            await consumer.work(keys)
        if after >= newest and floor > consumer.follower.floor:
            await consumer.store.transact(
                lambda unit: groups.set_floor(self._tx(unit), consumer.group, floor), name="groups.floor"
            )
            consumer.follower = replace(consumer.follower, floor=floor)
        return len(found)

    async def look_at_pause(self) -> None:
        """Go on when a person said so; else try one event when the probe is due.

        Each probe takes another key, so that one event that never works does not stand for all.
        """
        consumer = self._consumer
        row = await consumer.store.read(lambda tx: groups.get(tx, consumer.group))
        if row is None or row.state == "active":
            await self._go_on()
            return
        if row.probe_at is not None and row.probe_at > consumer.clock.now():
            return
        one = await self._next_probe()
        if one is None or await consumer.probe(one):
            log.warning("the group goes on", group=consumer.group)
            await self._go_on()
            return
        self._probes += 1
        wait = min(row.probe_wait_seconds * 2, self._waits.probe_max_seconds)
        at = consumer.clock.now() + timedelta(seconds=wait)
        await consumer.set_pause(reason=row.reason, probe_at=at, wait_seconds=wait)

    async def take_first_batch_carefully(self) -> None:
        """After an unclean stop: one event at a time, each marked before it is tried, so that a killer is found."""
        consumer = self._consumer
        rows = await consumer.store.read(lambda tx: events.oldest_undone(tx, consumer.follower, MOST_EVENTS))
        now = consumer.clock.now()
        waiting = {row.key for row in rows if row.held_until is not None and row.held_until > now}
        for one in attempt.in_line(rows):
            if consumer.paused:
                break
            if one.row.key in waiting:
                continue
            if self._in_hand != one.row.id:
                # Counted once a process: a database that was away meanwhile is no crash.
                self._crashes = await consumer.store.read(partial(self._crashes_with, one.row.id))
                self._in_hand = one.row.id
            await consumer.store.transact(self._suspect(one.row.id), name=f"{consumer.group}.mark")
            self._marked = one.row.id
            if self._crashes >= suspects.CRASHES:
                error = failures.Poison("the process died three times with this event alone in hand")
                bury = failures.give_up(consumer.handler, one, error)
                await consumer.store.transact(bury, name=f"{consumer.group}.poison")
            elif not await consumer.try_alone(one):
                waiting.add(one.row.key)
        if self._marked is not None:
            await consumer.store.transact(self._suspect(None), name=f"{consumer.group}.clear")
            self._marked = None

    async def _go_on(self) -> None:
        self._probes = 0
        await self._consumer.set_pause(reason=None)
        # What was announced during the pause is told by nobody else.
        await self.sweep()

    async def _next_probe(self) -> InLine | None:
        consumer, skipped = self._consumer, self._probes
        row = await consumer.store.read(lambda tx: events.first_of_a_key(tx, consumer.follower, skipped))
        if row is None:
            self._probes = 0
            row = await consumer.store.read(lambda tx: events.first_of_a_key(tx, consumer.follower, 0))
        return None if row is None else InLine(row, row.done)

    def _page(self, tx: Transaction, after: int, until: int) -> Sequence[Row[Any]]:
        return events.undone_page(tx, self._consumer.follower, after=after, until=until, limit=_PAGE)

    def _missed(self, page: Sequence[Row[Any]], age: timedelta) -> list[str]:
        now = self._consumer.clock.now()
        return list(dict.fromkeys(row.key for row in page if row.held_until is None and _is_old(row, now, age)))

    def _suspect(self, item: str | None) -> Any:
        def change(unit: UnitOfWork) -> None:
            tx, group = self._tx(unit), self._consumer.group
            if self._marked is not None:
                suspects.clear(tx, group, self._marked)
            if item is not None:
                suspects.mark(tx, group, item, self._crashes)

        return change

    def _crashes_with(self, item: str, tx: Transaction) -> int:
        return suspects.crashes(tx, self._consumer.group, item)

    def _tx(self, unit: UnitOfWork) -> Transaction:
        return unit.begin(Origin("", self._consumer.group, "hub"))


def _is_old(row: Row[Any], now: datetime, age: timedelta) -> bool:
    # A clock that was set back leaves events from the future: those are no news.
    return bool(row.receivedat <= now - age or row.receivedat > now)
