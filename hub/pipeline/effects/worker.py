"""Gives every asset with effects a lane."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Final

from hub.contracts import AssetRoute
from hub.errors import StoreUnavailable
from hub.pipeline.effects import settle
from hub.pipeline.effects.breaker import Breaker
from hub.pipeline.effects.lane import Lane
from hub.ports import Clock, Commit, Store
from hub.settings import Waits
from hub.store import effects
from hub.store.transaction import Origin, UnitOfWork
from hub.telemetry import logger

log = logger("effects")

_LOOK_SECONDS: Final = 1.0


class EffectWorker:
    """Carries out effects; on SQLite the sole one of its data directory."""

    def __init__(
        self,
        store: Store,
        routes: Mapping[tuple[str, str], AssetRoute],
        clock: Clock,
        waits: Waits,
        *,
        holder: str,
    ) -> None:
        """Serve ``routes``, by connector with asset; ``holder`` names this process in leases."""
        self._store = store
        self._routes = routes
        self._clock = clock
        self._waits = waits
        self._holder = holder
        self._breakers: dict[str, Breaker] = {}
        self._lanes: dict[tuple[str, str], tuple[Lane, asyncio.Event, asyncio.Task[None]]] = {}
        self._wake = asyncio.Event()
        self._stopping = False
        store.on_commit(self._committed)

    async def recover(self) -> int:
        """As the sole worker, at start: whatever is ``sending`` was under way when the last one went away."""

        def recover(unit: UnitOfWork) -> int:
            tx = unit.begin(Origin("", "effects", "hub"))
            rows = effects.listing(tx, ["sending"], limit=1_000_000)
            for row in rows:
                settle.lost(row, self._waits)(unit)
            return len(rows)

        return await self._store.transact(recover, name="effects.recover")

    async def run(self) -> None:
        """Serve until ``stop``; a lane that breaks ends the worker with its error."""
        while not self._stopping:
            self._wake.clear()
            try:
                for place in await self._store.read(effects.open_assets):
                    if place not in self._lanes:
                        self._open_lane(place)
            except StoreUnavailable as error:
                log.warning("the database cannot serve; effects wait", error=str(error))
            for _, _, task in self._lanes.values():
                if task.done():
                    task.result()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _LOOK_SECONDS)

    async def stop(self) -> None:
        """Begin no more calls, let those under way end."""
        self._stopping = True
        self._wake.set()
        for _, event, _ in self._lanes.values():
            event.set()
        await asyncio.gather(*(task for _, _, task in self._lanes.values()), return_exceptions=True)

    def _open_lane(self, place: tuple[str, str]) -> None:
        connector, asset = place
        route = self._routes.get(place)
        shared = route.breaker if route is not None else f"{connector}:{asset}"
        if shared not in self._breakers:
            self._breakers[shared] = Breaker(self._clock, self._waits.breaker_seconds, self._waits.breaker_max_seconds)
        if route is None:
            log.warning("nothing can be sent: the asset is not in the settings", connector=connector, asset=asset)
        lane = Lane(
            self._store,
            self._clock,
            self._waits,
            holder=self._holder,
            connector=connector,
            asset=asset,
            route=route,
            breaker=self._breakers[shared],
        )
        event = asyncio.Event()
        self._lanes[place] = lane, event, asyncio.create_task(self._drive(lane, event), name=f"lane-{connector}")

    async def _drive(self, lane: Lane, event: asyncio.Event) -> None:
        while not self._stopping:
            event.clear()
            try:
                wait = await lane.step()
            except StoreUnavailable:
                wait = self._waits.store_retry_seconds
            if wait > 0:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(event.wait(), wait)
        await lane.drain()

    def _committed(self, commit: Commit) -> None:
        if commit.signals & {"effects", "elsewhere"}:
            self._wake.set()
            for _, event, _ in self._lanes.values():
                event.set()
