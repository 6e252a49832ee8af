"""Fires timers whose instant has come, by stating the question to the group that armed them."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

from hub import killpoints
from hub.errors import StoreUnavailable
from hub.ports import Clock, Commit, Store
from hub.settings import Waits
from hub.store import timers
from hub.store.transaction import Origin, UnitOfWork
from hub.telemetry import logger, metrics
from schemas import ids
from schemas.operations import TimerFired

log = logger("timers")

_AT_ONCE: Final = 64
_LONGEST_SLEEP_SECONDS: Final = 1.0
_LEAST_GAP_SECONDS: Final = 0.05


class TimerWorker:
    """Fires each armed generation once, whatever restarts; the clock may jump either way."""

    def __init__(self, store: Store, clock: Clock, waits: Waits) -> None:
        """Listen for newly armed timers."""
        self._store = store
        self._clock = clock
        self._waits = waits
        self._wake = asyncio.Event()
        store.on_commit(self._committed)

    async def run(self) -> None:
        """Fire timers until cancelled."""
        while True:
            self._wake.clear()
            try:
                next_due = await self._store.read(timers.next_due)
                while next_due is not None and next_due <= self._clock.now():
                    await self.fire_due()
                    next_due = await self._store.read(timers.next_due)
            except StoreUnavailable as error:
                log.warning("the database cannot serve; timers wait", error=str(error))
                await asyncio.sleep(self._waits.store_retry_seconds)
                continue
            pause = _LONGEST_SLEEP_SECONDS
            if next_due is not None:
                pause = min(max((next_due - self._clock.now()).total_seconds(), 0.001), pause)
            # Under load every commit arms some: one look serves for all of a moment.
            gap = min(_LEAST_GAP_SECONDS, pause)
            await asyncio.sleep(gap)
            with contextlib.suppress(TimeoutError):
                # Never wait_for: before Python 3.12 it can swallow a cancellation that meets the wake-up.
                async with asyncio.timeout(pause - gap):
                    await self._wake.wait()

    async def fire_due(self) -> int:
        """Fire what is due, at most one batch, then return how many timers ended."""

        def fire(unit: UnitOfWork) -> list[str]:
            outcomes = []
            for timer in timers.due(unit.begin(Origin("", "timers", "hub")), _AT_ONCE):
                late = timer.not_after is not None and unit.now > timer.not_after
                outcome = "expired" if late else "fired"
                tx = unit.begin(Origin(timer.cause, timer.group, "hub"))
                if not timers.end(tx, timer, outcome):
                    continue
                outcomes.append(outcome)
                if not late:
                    asked = TimerFired(group=timer.group, name=timer.name, generation=timer.generation, due=timer.due)
                    tx.state(
                        asked,
                        key=timer.key,
                        subject=timer.group,
                        id=ids.timer_event_id(timer.group, timer.name, timer.generation),
                        time=timer.due,
                        source="/hub/timers",
                    )
            if outcomes:
                killpoints.reached("timer.before_commit")
            return outcomes

        due = await self._store.read(lambda tx: bool(timers.due(tx, 1)))
        if not due:
            return 0
        outcomes = await self._store.transact(fire, name="timers")
        killpoints.reached("timer.committed")
        for outcome in outcomes:
            metrics.timers.labels(outcome).inc()
        return len(outcomes)

    def _committed(self, commit: Commit) -> None:
        if commit.signals & {"timers", "elsewhere"}:
            self._wake.set()
