"""Fetches wanted files of every asset, a few at a time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from sqlalchemy.engine import Row

from hub.contracts import AssetRoute
from hub.errors import StoreUnavailable
from hub.pipeline.files.attempt import Attempt
from hub.pipeline.files.shelf import Shelf
from hub.ports import Clock, Commit, Randomness, Store
from hub.services import files
from hub.settings import Limits, Waits
from hub.store import leases
from hub.store.transaction import UnitOfWork
from hub.telemetry import logger

log = logger("files")

_AT_ONCE: Final = 4
_LOOK_SECONDS: Final = 5.0
_MOST_LATE: Final = 50
_LOOKED_AT: Final = 64

Place = tuple[str, str]


class FileWorker:
    """Looks for wanted files at each commit that tells of some, at least every few seconds.

    Several processes share the work: a lease on each file keeps two from fetching the same.
    """

    def __init__(
        self,
        store: Store,
        routes: Mapping[Place, AssetRoute],
        shelf: Shelf,
        clock: Clock,
        randomness: Randomness,
        *,
        waits: Waits,
        limits: Limits,
    ) -> None:
        """Serve the routes that have a fetcher."""
        self._store = store
        self._fetchers = {place: route.fetcher for place, route in routes.items() if route.fetcher is not None}
        self._shelf = shelf
        self._clock = clock
        self._randomness = randomness
        self._waits = waits
        self._limits = limits
        self._holder = randomness.token()
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._stopping = False
        self._turn = 0
        store.on_commit(self._committed)

    async def recover(self, *, is_sole: bool) -> None:
        """At start: forget who was fetching when the last worker went away, if this is the sole one."""
        if not is_sole:
            return
        await asyncio.to_thread(self._shelf.sweep)
        await self._store.transact(
            lambda unit: leases.forget(unit.begin(files.LONE_ORIGIN), files.LEASES), name="files.recover"
        )

    async def run(self) -> None:
        """Serve until ``stop``; an attempt that breaks ends the worker with its error."""
        while not self._stopping:
            self._wake.clear()
            wait = _LOOK_SECONDS
            try:
                wait = await self.look()
            except StoreUnavailable as error:
                log.warning("the database cannot serve; files wait", error=str(error))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._wake.wait()

    async def look(self) -> float:
        """Begin what can be begun, give up what is too late; return how many seconds nothing else is due.

        Raises:
            StoreUnavailable: The database cannot serve.
        """
        for id_, task in list(self._under_way.items()):
            if task.done():
                del self._under_way[id_]
                task.result()
        lost = await self._store.transact(lambda unit: files.lose_late(unit, _MOST_LATE), name="files.late")
        if lost:
            log.warning("files are lost: nobody can have them any more", count=lost)
        # Each asset is the first in turn: one that is far behind must not starve the others.
        places = list(self._fetchers)
        self._turn = (self._turn + 1) % max(len(places), 1)
        for place in places[self._turn :] + places[: self._turn]:
            room = _AT_ONCE - len(self._under_way)
            if room <= 0:
                break
            await self._begin(place, room)
        upcoming = await self._store.read(files.next_try)
        due = _LOOK_SECONDS if upcoming is None else (upcoming - self._clock.now()).total_seconds()
        return max(0.05, min(due, _LOOK_SECONDS))

    async def drain(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._under_way.values())

    async def stop(self) -> None:
        """Begin no more; what is under way is cut, to be fetched again at the next start."""
        self._stopping = True
        self._wake.set()
        for task in self._under_way.values():
            task.cancel()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)
        for fetcher in self._fetchers.values():
            await fetcher.close()
        with contextlib.suppress(StoreUnavailable):
            await self._store.transact(
                lambda unit: leases.give_all_back(unit.begin(files.LONE_ORIGIN), self._holder), name="files.stop"
            )

    async def _begin(self, place: Place, room: int) -> None:
        rows = await self._store.read(lambda tx: files.ready(tx, *place, _LOOKED_AT + len(self._under_way)))
        fresh = [row for row in rows if row.id not in self._under_way]
        if not fresh:
            return
        # Longer than an attempt with its last word may take.
        seconds = self._waits.file_seconds + self._waits.lease_seconds

        names = {row.id: row.stored_as or self._randomness.token() for row in fresh}

        def claim(unit: UnitOfWork) -> list[Row[Any]]:
            # The first ones may be another process's, alive or dead.
            claimed: list[Row[Any]] = []
            for row in fresh:
                if len(claimed) < room and files.claim(unit, row, names[row.id], self._holder, seconds):
                    claimed.append(row)
            return claimed

        for row in await self._store.transact(claim, name="files.claim"):
            if self._stopping:
                # The fetchers are closed, or about to be; the lease ends by itself.
                return
            task = asyncio.create_task(self._fetch(place, row, names[row.id]), name="file")
            self._under_way[row.id] = task
            task.add_done_callback(lambda _: self._wake.set())

    async def _fetch(self, place: Place, row: Row[Any], name: str) -> None:
        attempt = Attempt(self._fetchers[place], self._shelf, self._limits, self._waits.file_seconds)
        result = await attempt.make(row, name)
        settle = result.settle(row, self._not_before(row, result.retry_after_seconds))

        def end(unit: UnitOfWork) -> None:
            settle(unit)
            files.let_go(unit.begin(files.LONE_ORIGIN), row.id, self._holder)

        while True:
            try:
                return await self._store.transact(end, name="files.settle")
            except StoreUnavailable:
                await asyncio.sleep(self._waits.store_retry_seconds)

    def _not_before(self, row: Row[Any], asked_seconds: float | None) -> Any:
        ladder = self._waits.file_retry_seconds
        pause = max(ladder[min(row.attempts, len(ladder) - 1)], asked_seconds or 0.0)
        return self._clock.now() + timedelta(seconds=pause)

    def _committed(self, commit: Commit) -> None:
        if commit.signals & {"attachments", "elsewhere"}:
            self._wake.set()
