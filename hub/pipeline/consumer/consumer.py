"""Works off the keys of one group."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from hub import killpoints
from hub.contracts import Handler
from hub.errors import StoreConflict
from hub.pipeline.consumer import attempt, failures
from hub.pipeline.consumer.attempt import NO_FAULT_OF_THE_EVENT, Done, InLine, PolicyMoved, Prepared
from hub.pipeline.consumer.mass_failure import MassFailure
from hub.pipeline.pace import Pace
from hub.ports import Clock, Store, Subscription
from hub.settings import Waits
from hub.store import events, groups
from hub.store.events import Follower
from hub.store.transaction import Origin, Policies, Transaction, UnitOfWork
from hub.telemetry import logger, metrics

log = logger("consumer")

MOST_EVENTS: Final = 64

# Each look sorts all that its keys have: few looks keep a deep backlog of few keys cheap.
_READ_AHEAD: Final = 512

# Whoever has a key in hand needs some milliseconds; who needs more than all of these together has frozen, or hangs.
_BUSY_PAUSES_SECONDS: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4)


class Consumer:
    """Handles what a group has not done, key by key in order.

    One batch at a time: the bus, the sweep, the retries of held keys, the probes of a paused group take turns.

    Attributes:
        left: Keys with something to do that somebody else had in hand for long; whoever cares for the group tries them
            again. Should this process end before, a sweep finds them.
    """

    def __init__(self, handler: Handler, store: Store, clock: Clock, waits: Waits) -> None:
        """Prepare the work of one handler's group."""
        self.handler = handler
        self.group = handler.group
        self.store = store
        self.clock = clock
        self.waits = waits
        self.paused = False
        self.follower = Follower(handler.group, handler.type_names, 0, 0)
        self.left: set[str] = set()
        self._lock = asyncio.Lock()
        self._pace = Pace(target_seconds=0.020, largest=MOST_EVENTS)
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
        self.follower = Follower(self.group, self.handler.type_names, row.start, row.floor)
        self._show_pause(paused=row.state == "paused")

    async def work(self, keys: Sequence[str]) -> None:
        """Handle everything that these keys have for the group by now; what comes meanwhile has its own notice.

        Cancelled, it ends with the batch in hand. Keys that somebody else keeps in hand for long go to ``left``.

        Raises:
            StoreUnavailable: The database cannot serve; nothing was counted as an attempt.
        """
        for first in range(0, len(keys), MOST_EVENTS):
            busy = await self._all_of(keys[first : first + MOST_EVENTS])
            for seconds in _BUSY_PAUSES_SECONDS:
                if not busy:
                    break
                await asyncio.sleep(seconds)
                busy = await self._all_of(busy)
            self.left.update(busy)

    async def work_left(self) -> None:
        """Try the keys again that others had in hand."""
        keys, self.left = sorted(self.left), set()
        if keys:
            await self.work(keys)

    async def try_alone(self, one: InLine) -> bool:
        """Handle one event in a transaction of its own; False when it failed, which counts as an attempt."""
        async with self._lock:
            return await self._alone(one, waits=True) is not None

    async def probe(self, one: InLine) -> bool:
        """Tell whether an event can be handled, held or not; then it is. A failure is no attempt."""
        async with self._lock:
            done = await self._handle_alone(one, even_held=True, waits=True)
            if isinstance(done, Exception):
                self._tell_failure(one, done)
            return isinstance(done, Done)

    async def set_pause(self, *, reason: str | None, probe_at: datetime | None = None, wait_seconds: float = 0) -> None:
        """Pause the group for a reason, or with None let it go on with every held key tried again."""

        def change(unit: UnitOfWork) -> None:
            tx = unit.begin(Origin("", self.group, "hub"))
            state = "active" if reason is None else "paused"
            wait = math.ceil(wait_seconds)
            groups.set_state(tx, self.group, state, reason=reason, probe_at=probe_at, wait_seconds=wait)
            if reason is None:
                groups.release(tx, self.group)

        if reason is not None:
            # At once: should the answer of the transaction be lost, a look at the pause finds what became of it.
            self._show_pause(paused=True)
        await self.store.transact(change, name=f"{self.group}.pause")
        self._mass.forget()
        self._show_pause(paused=reason is not None)

    async def _all_of(self, keys: Sequence[str]) -> list[str]:
        """Handle what these keys have by now, then return those that somebody else had in hand."""
        until: int | None = None
        busy: set[str] = set()
        while not self.paused and (free := [key for key in keys if key not in busy]):
            async with self._lock:
                line, policies, until = await self.store.read(self._next_of(free, until))
                await self._work_off(line, policies, busy)
            if not line:
                break
        return sorted(busy)

    async def _work_off(self, line: Sequence[InLine], policies: Policies, busy: set[str]) -> None:
        while line and not self.paused:
            size = self._pace.size()
            if not await _to_its_end(self._one_batch(line[:size], policies, busy)):
                return
            line = [one for one in line[size:] if one.row.key not in busy]

    async def _one_batch(self, line: Sequence[InLine], policies: Policies, busy: set[str]) -> bool:
        """Handle events in one transaction; False when what follows them has to be read again."""
        try:
            prepared = await attempt.prepare_all(self.handler, line, policies)
            work = attempt.batch(self.handler, prepared)
            done = await self.store.transact(self._measured(work, len(line)), name=self.group)
        except StoreConflict:
            # Together they met others again and again; each alone holds so little that it gets through.
            await self._one_by_one(line, busy)
            return False
        except NO_FAULT_OF_THE_EVENT:
            raise
        except PolicyMoved:
            return False
        except Exception:  # noqa: BLE001 - one of them failed; which one shows when each goes alone
            await self._one_by_one(line, busy)
            return False
        killpoints.reached("consumer.committed")
        self._note_handled(done.handled)
        busy.update(done.busy)
        return True

    async def _one_by_one(self, line: Sequence[InLine], busy: set[str]) -> None:
        failed: set[str] = set()
        for one in line:
            if self.paused:
                return
            if one.row.key in failed or one.row.key in busy:
                continue
            done = await self._alone(one)
            if done is None:
                failed.add(one.row.key)
            else:
                busy.update(done.busy)

    async def _alone(self, one: InLine, *, waits: bool = False) -> Done | None:
        done = await self._handle_alone(one, waits=waits)
        if isinstance(done, Done):
            return done
        await self._failed(one, done)
        return None

    async def _handle_alone(self, one: InLine, *, even_held: bool = False, waits: bool = False) -> Done | Exception:
        while True:
            policies = await self.store.read(lambda tx: tx.policies)
            try:
                prepared = await attempt.prepare_all(self.handler, [one], policies)
                work = attempt.batch(self.handler, prepared, even_held=even_held, waits=waits)
                done = await self.store.transact(work, name=self.group)
            except NO_FAULT_OF_THE_EVENT:
                raise
            except PolicyMoved:
                continue
            except Exception as error:  # noqa: BLE001 - whatever a handler raises is that event's failure
                return error
            killpoints.reached("consumer.committed")
            self._note_handled(done.handled)
            return done

    async def _failed(self, one: InLine, error: Exception) -> None:
        self._tell_failure(one, error)
        self._mass.note(one.row.key, failed=True)
        if self._mass.is_on:
            wait = self.waits.probe_seconds
            at = self.clock.now() + timedelta(seconds=wait)
            reason = f"most of the keys tried last failed, the latest with {failures.describe(error)}"
            await self.set_pause(reason=reason, probe_at=at, wait_seconds=wait)
            log.error("mass failure: the group is paused", group=self.group)
            return
        ladder = self.waits.event_retry_seconds
        decide = failures.after_failure(self.handler, one, error, ladder=ladder, start=self.follower.start)
        verdict, until = await self.store.transact(decide, name=f"{self.group}.failed")
        log.warning("the event's key waits", group=self.group, event_id=one.row.id, verdict=verdict, until=str(until))

    def _tell_failure(self, one: InLine, error: Exception) -> None:
        metrics.retried.labels(self.group).inc()
        told = {"error": type(error).__name__, "where": failures.where(error)}
        log.warning("an event failed", group=self.group, event_id=one.row.id, type=one.row.type, **told)

    def _note_handled(self, handled: Sequence[Prepared]) -> None:
        now = self.clock.now()
        for one in handled:
            self._mass.note(one.event.partitionkey, failed=False)
            metrics.handling.labels(self.group).observe((now - one.event.receivedat).total_seconds())
        metrics.handled.labels(self.group).inc(len(handled))

    def _measured(self, work: Callable[[UnitOfWork], Done], events_: int) -> Any:
        def measured(unit: UnitOfWork) -> Done:
            with self._pace.measured(events_):
                done = work(unit)
                unit.flush()
            return done

        return measured

    def _next_of(
        self, keys: Sequence[str], until: int | None
    ) -> Callable[[Transaction], tuple[list[InLine], Policies, int]]:
        def look(tx: Transaction) -> tuple[list[InLine], Policies, int]:
            end = events.newest(tx) if until is None else until
            rows = events.pending(tx, self.follower, keys, until=end, limit=_READ_AHEAD)
            return attempt.in_line(rows), tx.policies, end

        return look

    def _show_pause(self, *, paused: bool) -> None:
        self.paused = paused
        metrics.paused.labels(self.group).set(int(paused))


async def _to_its_end(batch: Coroutine[Any, Any, bool]) -> bool:
    """Await a batch to its end, also when the work is cancelled meanwhile: a clean stop leaves nothing half noted."""
    task = asyncio.create_task(batch)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise
