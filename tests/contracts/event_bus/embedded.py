"""The workshop of the embedded bus: one SQLite file, one process."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from hub.bus.embedded import EmbeddedBus
from hub.ports import EventBus
from hub.store.sqlite import SqliteStore
from tests.contracts.event_bus.workshop import Workshop
from tests.support.stores import migrated
from tests.support.unreliable_store import UnreliableStore


class EmbeddedBusWorkshop(Workshop):
    """The bus of one process, on a store that a subclass opens."""

    def make_bus(self, store: UnreliableStore) -> EventBus:
        """Return a bus that is not patient with its store."""
        return EmbeddedBus(store, retry_seconds=0.001)

    async def drop_bus(self) -> None:
        """Take the database away from under the bus, then cancel it wherever it is."""
        assert isinstance(self.bus, EmbeddedBus)
        self.store.fault = lambda: "before"
        for task in self.bus._tasks:
            task.cancel()
        await asyncio.gather(*self.bus._tasks, return_exceptions=True)


class EmbeddedWorkshop(EmbeddedBusWorkshop):
    """One SQLite file with the bus of one process."""

    def __init__(self, data: Path) -> None:
        """Make the file."""
        super().__init__()
        self._path = migrated(data)
        self._stack = contextlib.AsyncExitStack()
        self._sqlite: SqliteStore | None = None

    async def open_store(self) -> UnreliableStore:
        """Open the file."""
        self._sqlite = SqliteStore(self._path, self.clock, rehearse=True, look_seconds=0.02)
        return UnreliableStore(await self._stack.enter_async_context(self._sqlite.running()))

    async def close_store(self) -> None:
        """Close the file; a store that held its writer for long fails the test."""
        await self._stack.aclose()
        if self._sqlite is not None:
            assert list(self._sqlite.slow_jobs) == []
