"""Works off the keys of one group."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.engine import Row

from hub import killpoints
from hub.contracts import Handler
from hub.errors import StoreUnavailable
from hub.pipeline.consumer import attempt, failures
from hub.pipeline.consumer.attempt import PolicyMoved, Prepared
from hub.pipeline.consumer.mass_failure import MassFailure
from hub.pipeline.pace import Pace
from hub.ports import Clock, Store, Subscription
from hub.settings import Waits
from hub.store import events, groups
from hub.store.transaction import Origin, Transaction, UnitOfWork
from hub.telemetry import logger, metrics

log = logger("consumer")

MOST_EVENTS: Final = 64


class Consumer:
    """Handles what a group has not done, key by key in order.

    One batch at a time: the bus, the sweep, the retries of held keys, the probes of a paused group take turns.
    """

    def __init__(self, handler: Handler, store: Store, clock: Clock, waits: Waits) -> None:
        """Prepare the work of one handler's group."""
        self.handler = handler
        self.group = handler.group
        self.store = store
        self.clock = clock
        self.waits = waits
        self.paused = False
        self.start = 0
        self.floor = 0
        self._lock = asyncio.Lock()
        self._pace = Pace(clock, target_seconds=0.020, largest=MOST_EVENTS)
        self._mass = MassFailure()

    @property
    def subscription(self) -> Subscription:
        """What the bus is asked for."""
        return Subscription(self.group, self.handler.type_names, self.work)

    async def load(self) -> None:
        """Read where the group stands; before anything else."""
        row = await self.store.read(lambda tx: groups.get(tx, self.group))
        if row is None:
            msg = f"group {self.group} has not joined"
            raise RuntimeError(msg)
        self.start, self.floor = row.start, row.floor
        self._show_pause(paused=row.state == "paused")

    async def work(self, keys: Sequence[str]) -> None:
        """Handle everything that these keys have for the group.

        Raises:
            StoreUnavailable: The database cannot serve; nothing was counted as an attempt.
        """
        for first in range(0, len(keys), MOST_EVENTS):
            some = keys[first : first + MOST_EVENTS]
            async with self._lock:
                while not self.paused and await self._one_batch(some):
                    pass

    async def try_alone(self, row: Row[Any], *, counts: bool = True) -> bool:
        """Handle one event in a transaction of its own; False when it failed.

        Args:
            row: The event; what the group has done already is passed over.
            counts: Whether a failure is an attempt, with a hold or a dead letter; a probe is none.
        """
        async with self._lock:
            return await self._alone(row, counts=counts)

    async def set_pause(self, *, reason: str | None, probe_at: datetime | None = None, wait_seconds: int = 0) -> None:
        """Pause the group for a reason, or with None let it go on with every held key tried again."""

        def change(unit: UnitOfWork) -> None:
            tx = unit.begin(Origin("", self.group, "hub"))
            state = "active" if reason is None else "paused"
            groups.set_state(tx, self.group, state, reason=reason, probe_at=probe_at, wait_seconds=wait_seconds)
            if reason is None:
                groups.release(tx, self.group)

        await self.store.transact(change, name=f"{self.group}.pause")
        self._mass.forget()
        self._show_pause(paused=reason is not None)

    async def _one_batch(self, keys: Sequence[str]) -> bool:
        """Handle the next events of these keys; False when there are none to handle now."""
        limit = self._pace.size()
        rows, policies = await self.store.read(lambda tx: (self._pending(tx, keys, limit), tx.policies))
        if not rows:
            return False
        try:
            prepared = [attempt.prepare(self.handler, row, policies) for row in rows]
            work = attempt.batch(self.handler, prepared)
            handled = await self.store.transact(self._measured(work, len(rows)), name=self.group)
        except (StoreUnavailable, asyncio.CancelledError):
            raise
        except PolicyMoved:
            return True
        except Exception:  # noqa: BLE001 - one of them failed; which one shows when each goes alone
            return await self._one_by_one(rows)
        killpoints.reached("consumer.committed")
        self._note_handled(handled)
        return True

    async def _one_by_one(self, rows: Sequence[Row[Any]]) -> bool:
        failed: set[str] = set()
        for row in rows:
            if self.paused:
                return False
            if row.key not in failed and not await self._alone(row, counts=True):
                failed.add(row.key)
        return True

    async def _alone(self, row: Row[Any], *, counts: bool) -> bool:
        while True:
            policies = await self.store.read(lambda tx: tx.policies)
            try:
                prepared = attempt.prepare(self.handler, row, policies)
                handled = await self.store.transact(attempt.batch(self.handler, [prepared]), name=self.group)
            except (StoreUnavailable, asyncio.CancelledError):
                raise
            except PolicyMoved:
                continue
            except Exception as error:  # noqa: BLE001 - whatever a handler raises is that event's failure
                await self._failed(row, error, counts=counts)
                return False
            self._note_handled(handled)
            return True

    async def _failed(self, row: Row[Any], error: Exception, *, counts: bool) -> None:
        metrics.retried.labels(self.group).inc()
        self._mass.note(row.key, failed=True)
        log.warning("an event failed", group=self.group, event=row.id, type=row.type, error=type(error).__name__)
        if not counts:
            return
        if self._mass.is_on:
            wait = self.waits.probe_seconds
            at = self.clock.now() + timedelta(seconds=wait)
            reason = f"most of the keys tried last failed, the latest with {failures.describe(error)}"
            await self.set_pause(reason=reason, probe_at=at, wait_seconds=max(1, int(wait)))
            log.error("mass failure: the group is paused", group=self.group)
            return
        decide = failures.after_failure(
            self.handler, row, error, ladder=self.waits.event_retry_seconds, start=self.start
        )
        verdict, until = await self.store.transact(decide, name=f"{self.group}.failed")
        log.warning("the event's key waits", group=self.group, event=row.id, verdict=verdict, until=str(until))

    def _note_handled(self, handled: Sequence[Prepared]) -> None:
        now = self.clock.now()
        for one in handled:
            self._mass.note(one.event.partitionkey, failed=False)
            metrics.handling.labels(self.group).observe((now - one.event.receivedat).total_seconds())
        metrics.handled.labels(self.group).inc(len(handled))

    def _measured(self, work: Any, events_: int) -> Any:
        def measured(unit: UnitOfWork) -> Any:
            with self._pace.measured(events_):
                return work(unit)

        return measured

    def _pending(self, tx: Transaction, keys: Sequence[str], limit: int) -> Sequence[Row[Any]]:
        return events.pending(tx, self.group, self.handler.type_names, self.start, keys, limit)

    def _show_pause(self, *, paused: bool) -> None:
        self.paused = paused
        metrics.paused.labels(self.group).set(int(paused))
