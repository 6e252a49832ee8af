"""Gives every asset with effects a lane."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from hub.contracts import AssetRoute
from hub.errors import StoreUnavailable
from hub.pipeline.effects import settle
from hub.pipeline.effects.breaker import Breaker
from hub.pipeline.effects.lane import Lane
from hub.pipeline.effects.lease import PREFIX, AssetLease, Place
from hub.pipeline.effects.restored import Restored, declare, doubt_all
from hub.pipeline.effects.uploads import PathOf
from hub.pipeline.effects.watch import Watch
from hub.pipeline.effects.word import Word
from hub.ports import Clock, Commit, Store
from hub.settings import Waits
from hub.store import effects, journals, leases, restores
from hub.store.transaction import UnitOfWork
from hub.telemetry import logger

log = logger("effects")

_LOOK_SECONDS: Final = 1.0
_LEAST_GAP_SECONDS: Final = 0.05


class EffectWorker:
    """Carries out effects; on SQLite the sole one of its data directory."""

    def __init__(
        self,
        store: Store,
        routes: Mapping[Place, AssetRoute],
        clock: Clock,
        waits: Waits,
        *,
        holder: str,
        is_witness: bool = True,
        path_of: PathOf | None = None,
    ) -> None:
        """Serve ``routes``, by connector with asset.

        Args:
            store: Where the effects are.
            routes: How to speak through each asset.
            clock: Gives every instant.
            waits: Every pause.
            holder: Names this process in leases.
            is_witness: A journal beside this process has told whether the database came out of a back-up. Otherwise
                nothing is sent before the word of another one that is known.
            path_of: Finds the files that messages carry; without it none can be sent.
        """
        self._store = store
        self._routes = routes
        self._clock = clock
        self._waits = waits
        self._holder = holder
        self._path_of = path_of
        self._restored = Restored()
        self._word = Word(is_given=is_witness)
        self._doubted_for: datetime | None = None
        self._watch = Watch(store, clock, waits, routes)
        self._breakers: dict[str, Breaker] = {}
        self._lanes: dict[Place, _Running] = {}
        self._wake = asyncio.Event()
        self._stopping = False
        store.on_commit(self._committed)

    async def recover(self, *, is_sole: bool = True) -> int:
        """At start: whatever is ``sending`` was under way when the last worker went away, if this is the sole one.

        Args:
            is_sole: No other worker can be alive. Otherwise the lease on an asset tells when it is gone.

        Returns:
            How many effects are in doubt because of that, or of a back-up.
        """

        def recover(unit: UnitOfWork) -> int:
            tx = unit.begin(settle.LONE_ORIGIN)
            leases.forget(tx, PREFIX)
            rows = [row for place in effects.open_assets(tx) for row in effects.under_way(tx, *place)]
            return settle.lost(unit, rows, self._waits)

        lost = await self._store.transact(recover, name="effects.recover") if is_sole else 0
        return lost + await doubt_all(self._store)

    async def run(self) -> None:
        """Serve until ``stop``; a lane that breaks ends the worker with its error."""
        while not self._stopping:
            self._wake.clear()
            try:
                places = await self._look()
                await self._watch.look()
            except StoreUnavailable as error:
                log.warning("the database cannot serve; effects wait", error=str(error))
                places = []
            for place in places:
                if place not in self._lanes and not self._stopping:
                    self._open_lane(place)
            for running in self._lanes.values():
                if running.task.done():
                    running.task.result()
            # Every result is news; only the first effect of a new asset is any for here.
            await asyncio.sleep(_LEAST_GAP_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._wake.wait()

    async def stop(self) -> None:
        """Begin no more calls, let those under way end; whatever takes too long is in doubt at the next start."""
        self._stopping = True
        self._wake.set()
        for running in self._lanes.values():
            running.lane.close()
            running.news.set()
        if self._lanes:
            await asyncio.wait([running.task for running in self._lanes.values()], timeout=self._waits.stop_seconds)
        for running in self._lanes.values():
            running.lane.abandon()
            running.task.cancel()
        await asyncio.gather(*(running.task for running in self._lanes.values()), return_exceptions=True)
        for route in self._routes.values():
            await route.sender.close()
            if route.uploader is not None:
                await route.uploader.close()
        with contextlib.suppress(StoreUnavailable):
            await self._store.transact(
                lambda unit: leases.give_all_back(unit.begin(settle.LONE_ORIGIN), self._holder), name="effects.stop"
            )

    async def _look(self) -> Sequence[Place]:
        """Return what may be spoken through, once it is known whether the database came out of a back-up."""
        places, era, reports = await self._store.read(
            lambda tx: (effects.open_assets(tx), restores.era(tx), {} if self._word.is_given else journals.reports(tx))
        )
        if not self._restored.saw(era):
            await declare(self._store, era.restored_at)
        elif era.restored_at != self._doubted_for:
            await doubt_all(self._store)
            self._doubted_for = era.restored_at
        return places if self._word.heard(reports) else ()

    def _open_lane(self, place: Place) -> None:
        route = self._routes.get(place)
        shared = route.breaker if route is not None else ":".join(place)
        if shared not in self._breakers:
            self._breakers[shared] = Breaker(self._clock, self._waits.breaker_seconds, self._waits.breaker_max_seconds)
        if route is None:
            log.warning("nothing can be sent: the asset is not in the settings", connector=place[0], asset=place[1])
        deadline = 0.0 if route is None else route.deadline_seconds
        lease = AssetLease(self._store, self._clock, self._waits, place, holder=self._holder, deadline_seconds=deadline)
        breaker = self._breakers[shared]
        news = asyncio.Event()
        lane = Lane(
            self._store,
            self._clock,
            self._waits,
            place,
            lease=lease,
            route=route,
            breaker=breaker,
            restored=self._restored,
            path_of=self._path_of,
            news=news.set,
        )
        task = asyncio.create_task(self._drive(lane, news), name=f"lane-{place[0]}")
        self._lanes[place] = _Running(lane, news, task)

    async def _drive(self, lane: Lane, news: asyncio.Event) -> None:
        try:
            while not self._stopping:
                news.clear()
                try:
                    wait = await lane.step()
                except StoreUnavailable:
                    # Not for news: each refused commit is some, which would make the next try at once.
                    await asyncio.sleep(self._waits.store_retry_seconds)
                    continue
                if wait > 0:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(wait):
                            await news.wait()
        finally:
            await lane.drain()

    def _committed(self, commit: Commit) -> None:
        if commit.signals & {"effects", "elsewhere"}:
            self._wake.set()
            for running in self._lanes.values():
                running.news.set()


@dataclass(frozen=True, slots=True)
class _Running:
    lane: Lane
    news: asyncio.Event
    task: asyncio.Task[None]
