"""Carries out the effects of one asset, in order per conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy.engine import Row

from hub import killpoints
from hub.contracts import Accepted, AssetRoute, NotTaken, OutboundCall, Outcome, Unclear
from hub.errors import StoreUnavailable
from hub.pipeline.effects import settle
from hub.pipeline.effects.breaker import Breaker
from hub.pipeline.effects.buckets import Pacing
from hub.pipeline.effects.confirmations import Confirmations
from hub.pipeline.effects.lease import AssetLease, Place
from hub.pipeline.effects.restored import Restored
from hub.pipeline.effects.results import Results
from hub.pipeline.effects.uploads import PathOf, Uploads
from hub.ports import Clock, Store
from hub.settings import Waits
from hub.store import effects
from hub.store.transaction import UnitOfWork
from hub.telemetry import logger, metrics

log = logger("effects")

# At the 200 ms that a provider takes, 16 calls under way carry WhatsApp's 80 a second.
_AT_ONCE: Final = 16
_MOST_LOOKED_AT: Final = 1024
_IDLE_SECONDS: Final = 0.5
# An asset at its limit sends a few at each look: a look for every single one costs more than the sending.
_GATHER_SECONDS: Final = 0.05
_LEASE_ES: Final = "El hub perdió el turno del número antes de enviar. Se reintenta solo."


class Lane:
    """One asset's effects; its lease makes this the only process that sends through the asset."""

    def __init__(  # noqa: PLR0913 - what a lane stands on, part by part
        self,
        store: Store,
        clock: Clock,
        waits: Waits,
        place: Place,
        *,
        lease: AssetLease,
        route: AssetRoute | None,
        breaker: Breaker,
        restored: Restored,
        path_of: PathOf | None = None,
        news: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare; without a route nothing is sent, only expired effects are given up.

        ``path_of`` finds the files that messages carry; ``news`` is called when a look is worth it before its time.
        """
        self._store = store
        self._clock = clock
        self._waits = waits
        self._connector, self._asset = place
        self._lease = lease
        self._route = route
        self._breaker = breaker
        self._restored = restored
        self._pacing = Pacing(route, clock) if route is not None else None
        self._results = Results(store, waits)
        self._confirmations = Confirmations(store, clock, 0.0 if route is None else route.confirm_seconds)
        self._uploads = Uploads(
            store,
            waits,
            asset=place[1],
            uploader=None if route is None else route.uploader,
            path_of=path_of,
            results=self._results,
            news=news,
        )
        self._in_flight: dict[str, asyncio.Task[None]] = {}
        self._paused_until = float("-inf")
        self._gathers_until = float("-inf")
        self._resting = 0
        self._claim_is_unclear = False
        self._closing = False

    async def step(self) -> float:
        """Do what can be done now, then return the seconds after which another look is worth it."""
        wait = await self._lease.hold(frozenset(self._in_flight))
        if wait is not None:
            return wait
        if self._claim_is_unclear and not self._closing:
            await self._take_up_claims()
        now = self._clock.monotonic()
        if now < self._gathers_until:
            return self._gathers_until - now
        room = _AT_ONCE - len(self._in_flight)
        may_send = room > 0 and now >= self._paused_until and self._breaker.allows()
        limit = min(room + self._resting, _MOST_LOOKED_AT) if may_send else 0
        rows = await self._look(limit)
        await self._confirmations.look(rows)
        if self._pacing is None or not may_send:
            return _IDLE_SECONDS
        chosen, wait = self._choose(rows, room, self._pacing)
        if len(rows) == limit < _MOST_LOOKED_AT and len(chosen) + self._resting == limit:
            # There may be more behind those that rest.
            wait = 0.0
        await self._begin(chosen)
        return wait

    def close(self) -> None:
        """Begin no more calls."""
        self._closing = True

    async def drain(self) -> None:
        """Let calls under way end; files are for the next start."""
        await self._uploads.stop()
        await asyncio.gather(*self._in_flight.values(), return_exceptions=True)

    def abandon(self) -> None:
        """Leave calls under way to their fate; what became of them is in doubt."""
        for task in self._in_flight.values():
            task.cancel()
        self._results.abandon()

    def _choose(self, rows: Sequence[Row[Any]], room: int, pacing: Pacing) -> tuple[list[tuple[Row[Any], bool]], float]:
        """Return what may be sent now, each with whether it is a probe, then how long until more may."""
        wait = _IDLE_SECONDS
        chosen: list[tuple[Row[Any], bool]] = []
        self._resting = 0
        for row in rows:
            if len(chosen) >= room or not self._breaker.allows():
                break
            if row.id in self._in_flight:
                continue
            if self._uploads.holds_back(row):
                self._resting += 1
                continue
            pause = pacing.asset_wait_seconds()
            if pause > 0:
                wait = min(wait, max(pause, _GATHER_SECONDS))
                self._gathers_until = self._clock.monotonic() + wait
                break
            pause = max(pacing.pair_wait_seconds(row.key), self._confirmations.wait_seconds(row))
            if pause > 0:
                wait = min(wait, pause)
                self._resting += 1
                continue
            pacing.take(row.key)
            chosen.append((row, self._breaker.started()))
        return chosen, wait

    async def _begin(self, chosen: Sequence[tuple[Row[Any], bool]]) -> None:
        """Move what was chosen to ``sending``, durably, then make the calls."""
        probes = {row.id: probe for row, probe in chosen}
        claimed: list[Row[Any]] = []
        try:
            if chosen and not self._closing:
                claimed = await self._store.transact(self._claim([row for row, _ in chosen]), name="effects.claim")
                killpoints.reached("effect.sending")
                # One that ran again after a commit that did not say so finds everything moved, by itself.
                self._claim_is_unclear = len(claimed) < len(chosen)
        except StoreUnavailable:
            self._claim_is_unclear = True
            raise
        finally:
            got = {row.id for row in claimed}
            for row, probe in chosen:
                if row.id not in got:
                    self._put_back(row, probe=probe)
        for row in claimed:
            self._start(row, probe=probes[row.id])

    def _put_back(self, row: Row[Any], *, probe: bool) -> None:
        self._breaker.withdrawn(probe=probe)
        if self._pacing is not None:
            self._pacing.take(row.key, -1)

    async def _take_up_claims(self) -> None:
        """Make the calls of a claim whose answer was lost, if it was committed: nobody else holds the asset."""
        # As of before the look: a call that ended meanwhile stands in it as under way, yet must not be made again.
        known = set(self._in_flight)
        rows = await self._store.read(lambda tx: effects.under_way(tx, self._connector, self._asset))
        self._claim_is_unclear = False
        for row in rows:
            if row.id not in known:
                self._start(row, probe=self._breaker.started())

    def _start(self, row: Row[Any], *, probe: bool) -> None:
        work = self._carry_out(row, probe=probe)
        self._in_flight[row.id] = asyncio.create_task(work, name=f"effect-{row.id}")

    def _claim(self, rows: list[Row[Any]]) -> Any:
        def claim(unit: UnitOfWork) -> list[Row[Any]]:
            if not self._lease.outlasts_call(unit):
                return []
            return settle.claim(unit, self._restored.sift(unit, rows))

        return claim

    async def _carry_out(self, row: Row[Any], *, probe: bool) -> None:
        try:
            if self._lease.covers_call():
                result = await self._call(row)
                self._note(result, probe=probe)
            else:
                # The process stood still: somebody else may have the asset by now.
                result = NotTaken("lease", _LEASE_ES, retry_after_seconds=1.0)
                self._breaker.withdrawn(probe=probe)
            killpoints.reached("effect.answered")
            if isinstance(result, Accepted):
                # Before it is recorded: a look that sees the record has to know.
                self._confirmations.taken(row)
            await self._results.record(row, result)
            if not isinstance(result, NotTaken):
                self._uploads.ended(row)
        finally:
            self._in_flight.pop(row.id, None)
        killpoints.reached("effect.settled")
        metrics.effects.labels(self._connector, type(result).__name__.lower()).inc()

    def _note(self, result: Outcome, *, probe: bool) -> None:
        """Let breaker and lane learn from an answer."""
        revoked = isinstance(result, NotTaken) and result.scope == "credential"
        throttled = isinstance(result, NotTaken) and (result.scope == "asset" or result.retry_after_seconds is not None)
        failed = revoked or (isinstance(result, NotTaken | Unclear) and not throttled)
        self._breaker.ended(probe=probe, failed=failed, at_once=revoked)
        if isinstance(result, NotTaken) and result.scope == "asset":
            pause = settle.pause_seconds(result, 1, self._waits.provider_retry_seconds)
            self._paused_until = max(self._paused_until, self._clock.monotonic() + pause)

    async def _call(self, row: Row[Any]) -> Outcome:
        assert self._route is not None  # noqa: S101 - only routed effects are claimed
        call = OutboundCall(row.id, row.kind, row.asset, row.reply_to, self._uploads.payload(row), row.attempts)
        try:
            async with asyncio.timeout(self._route.deadline_seconds):
                return await self._route.sender.send(call)
        except TimeoutError:
            return Unclear("no answer within the deadline")
        except Exception as error:  # noqa: BLE001 - a sender's bug leaves open whether the provider took it
            # No traceback: it could carry a customer's words.
            log.error("a sender failed", connector=self._connector, effect=row.id, error=type(error).__name__)  # noqa: TRY400
            return Unclear(f"the sender failed: {type(error).__name__}")

    async def _look(self, limit: int) -> Sequence[Row[Any]]:
        """Settle what is overdue, then return what may be sent."""
        place = self._connector, self._asset
        late, rows = await self._store.read(
            lambda tx: (effects.overdue(tx, *place, _AT_ONCE), effects.ready(tx, *place, limit) if limit else ())
        )
        late = [row for row in late if row.id not in self._in_flight]
        if late:
            await self._store.transact(lambda unit: settle.overdue(unit, late), name="effects.overdue")
        return rows
