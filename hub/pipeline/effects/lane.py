"""Carries out the effects of one asset, in order per conversation."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any, Final

from sqlalchemy.engine import Row

from hub import killpoints
from hub.contracts import AssetRoute, NotTaken, OutboundCall, Outcome, Unclear
from hub.errors import StoreUnavailable
from hub.pipeline.effects import settle
from hub.pipeline.effects.breaker import Breaker
from hub.pipeline.effects.buckets import Pacing
from hub.ports import Clock, Store
from hub.settings import Waits
from hub.store import effects, leases
from hub.store.transaction import Origin, UnitOfWork
from hub.telemetry import logger, metrics

log = logger("effects")

_AT_ONCE: Final = 64
_IDLE_SECONDS: Final = 0.5


class Lane:
    """One asset's effects; its lease makes this the only process that sends through the asset."""

    def __init__(
        self, store: Store, clock: Clock, waits: Waits, *, holder: str, connector: str, asset: str,
        route: AssetRoute | None, breaker: Breaker,
    ) -> None:  # fmt: skip
        """Prepare; without a route nothing is sent, only expired effects are given up."""
        self._store = store
        self._clock = clock
        self._waits = waits
        self._holder = holder
        self._connector = connector
        self._asset = asset
        self._route = route
        self._breaker = breaker
        self._pacing = Pacing(route, clock) if route is not None else None
        self._in_flight: dict[str, asyncio.Task[None]] = {}
        self._leased_until: datetime | None = None
        self._paused_until = float("-inf")

    @property
    def busy(self) -> bool:
        """Whether calls are under way."""
        return bool(self._in_flight)

    async def step(self) -> float:
        """Do what can be done now, then return the seconds after which another look is worth it."""
        if not await self._hold_lease():
            return self._waits.lease_seconds / 3
        await self._settle_overdue()
        if self._route is None or self._pacing is None or self._clock.monotonic() < self._paused_until:
            return _IDLE_SECONDS
        chosen, wait = await self._choose()
        if chosen:
            claimed = await self._store.transact(settle.claim(chosen), name="effects.claim")
            killpoints.reached("effect.sending")
            for row in claimed:
                self._in_flight[row.id] = asyncio.create_task(self._carry_out(row), name=f"effect-{row.id}")
        return wait

    async def drain(self) -> None:
        """Let calls under way end."""
        await asyncio.gather(*self._in_flight.values(), return_exceptions=True)

    async def _choose(self) -> tuple[list[Row[Any]], float]:
        """Return what may be sent now, with how long until more may."""
        assert self._pacing is not None  # noqa: S101 - step() looks first
        room = _AT_ONCE - len(self._in_flight)
        rows = await self._store.read(lambda tx: effects.ready(tx, self._connector, self._asset, _AT_ONCE))
        wait = _IDLE_SECONDS
        chosen: list[Row[Any]] = []
        for row in rows[: max(room, 0)]:
            if row.id in self._in_flight or not self._breaker.allows():
                continue
            pause = self._pacing.wait_seconds(row.key)
            if pause > 0:
                wait = min(wait, pause)
                continue
            self._pacing.take(row.key)
            self._breaker.started()
            chosen.append(row)
        if len(chosen) == len(rows) == _AT_ONCE:
            wait = 0.0
        return chosen, wait

    async def _carry_out(self, row: Row[Any]) -> None:
        result = await self._call(row)
        throttled = isinstance(result, NotTaken) and (result.scope == "asset" or result.retry_after_seconds is not None)
        failed = isinstance(result, NotTaken | Unclear) and not throttled
        revoked = isinstance(result, NotTaken) and result.scope == "credential"
        self._breaker.ended(failed=failed or revoked, at_once=revoked)
        if isinstance(result, NotTaken) and result.scope == "asset":
            pause = result.retry_after_seconds or self._waits.provider_retry_seconds[0]
            self._paused_until = self._clock.monotonic() + pause
        killpoints.reached("effect.answered")
        try:
            await self._record(row, result)
        finally:
            self._in_flight.pop(row.id, None)
        killpoints.reached("effect.settled")
        metrics.effects.labels(self._connector, type(result).__name__.lower()).inc()

    async def _call(self, row: Row[Any]) -> Outcome:
        assert self._route is not None  # noqa: S101 - only routed effects are claimed
        call = OutboundCall(row.id, row.kind, row.asset, row.reply_to, row.payload, row.attempts)
        try:
            async with asyncio.timeout(self._route.deadline_seconds):
                return await self._route.sender.send(call)
        except TimeoutError:
            return Unclear("no answer within the deadline")
        except Exception as error:  # noqa: BLE001 - a sender's bug leaves open whether the provider took it
            # No traceback: it could carry a customer's words.
            log.error("a sender failed", connector=self._connector, effect=row.id, error=type(error).__name__)  # noqa: TRY400
            return Unclear(f"the sender failed: {type(error).__name__}")

    async def _record(self, row: Row[Any], result: Outcome) -> None:
        """Record the result, however long the database is away: a result that is lost is a doubt."""
        while True:
            try:
                await self._store.transact(settle.outcome(row, result, self._waits), name="effects.settle")
            except StoreUnavailable:
                await asyncio.sleep(self._waits.store_retry_seconds)
            else:
                return

    async def _settle_overdue(self) -> None:
        rows = await self._store.read(lambda tx: effects.overdue(tx, self._connector, self._asset, _AT_ONCE))
        for row in rows:
            if row.id in self._in_flight:
                continue
            change = settle.doubt(row) if row.state == "unknown" else settle.expire(row)
            await self._store.transact(change, name="effects.overdue")

    async def _hold_lease(self) -> bool:
        """Hold the asset for longer than any call may take."""
        deadline = self._route.deadline_seconds if self._route is not None else 0.0
        now = self._clock.now()
        if self._leased_until is not None and (self._leased_until - now).total_seconds() > deadline + 1:
            return True
        seconds = self._waits.lease_seconds + deadline

        def take(unit: UnitOfWork) -> datetime | None:
            name = f"asset:{self._connector}:{self._asset}"
            return leases.take(unit.begin(Origin("", "effects", "hub")), name, self._holder, seconds)

        self._leased_until = await self._store.transact(take, name="effects.lease")
        return self._leased_until is not None
