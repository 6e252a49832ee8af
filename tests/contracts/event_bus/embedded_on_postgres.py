"""The workshop of the pipeline on PostgreSQL, its notices brought by the bus of one process."""

from __future__ import annotations

import contextlib

from hub.store.postgres import PostgresStore
from tests.contracts.event_bus.embedded import EmbeddedBusWorkshop
from tests.support.unreliable_store import UnreliableStore


class PostgresWorkshop(EmbeddedBusWorkshop):
    """One PostgreSQL database with the bus of one process."""

    def __init__(self, url: str) -> None:
        """Work on a migrated database."""
        super().__init__()
        self._url = url
        self._stack = contextlib.AsyncExitStack()

    async def open_store(self) -> UnreliableStore:
        """Connect."""
        store = PostgresStore(self._url, self.clock, rehearse=True, look_seconds=0.02)
        return UnreliableStore(await self._stack.enter_async_context(store.running()))

    async def close_store(self) -> None:
        """Hang up."""
        await self._stack.aclose()
