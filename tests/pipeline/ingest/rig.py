"""One journal with the database it is ingested into."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import bindparam, select, text

from connectors.whatsapp import CONNECTOR as WHATSAPP
from hub.contracts import Connector, Item, RawDelivery
from hub.pipeline.ingest import Ingester
from hub.pipeline.journal import JournalReader, JournalWriter
from hub.ports import Store
from hub.settings import Limits, Waits
from hub.store import deliveries
from hub.store.events import envelope
from hub.store.tables import events
from hub.store.transaction import Transaction
from hub.store.types import to_microseconds
from schemas.envelope import CloudEvent
from tests.support.clock import FakeClock
from tests.support.engines import a_store
from tests.support.randomness import SeededRandomness

PATH = "/webhooks/whatsapp/main"
# Two ingesters with the same tokens would take each other's batches for their own.
_SEEDS: Final = itertools.count(1)

_EVENTS: Final = select(events).where(events.c.type.like(bindparam("pattern"))).order_by(events.c.position)


class Rig:
    """What a test of ingest talks to."""

    def __init__(self, data: Path, store: Store, clock: FakeClock, journal: JournalWriter) -> None:
        """Join the parts."""
        self.data = data
        self.store = store
        self.clock = clock
        self.journal = journal
        self.connectors: dict[str, Connector] = {"whatsapp": WHATSAPP}

    async def deliver(self, *bodies: bytes, connector: str = "whatsapp", at: datetime | None = None) -> None:
        """Take deliveries into the journal, as intake does."""
        received = to_microseconds(at or self.clock.now())
        for body in bodies:
            await self.journal.append((received, connector, "main", "POST", PATH, "{}", body))

    def ingester(self, store: Store | None = None, **given: Any) -> Ingester:
        """Return an ingester of the journal, as a process that starts now would."""
        fields: dict[str, Any] = {"waits": Waits(store_retry_seconds=0.01, look_seconds=0.01), "limits": Limits()}
        reader = JournalReader(self.data / "journal")
        seeded = SeededRandomness(next(_SEEDS))
        return Ingester(reader, store or self.store, self.connectors, self.clock, seeded, **{**fields, **given})

    async def ingest(self, ingester: Ingester | None = None) -> Ingester:
        """Take in all that the journal holds."""
        ingester = ingester or self.ingester()
        while await ingester.step():
            pass
        return ingester

    async def take(self, *bodies: bytes, connector: str = "whatsapp", at: datetime | None = None) -> None:
        """Deliver, then ingest."""
        await self.deliver(*bodies, connector=connector, at=at)
        await self.ingest()

    def scripted(self, normalize: Callable[[RawDelivery], Sequence[Item]]) -> None:
        """Add a connector of the name ``scripted``."""
        self.connectors["scripted"] = Connector(
            name="scripted",
            channel="whatsapp",
            connect=lambda _: None,
            verify=lambda *_: None,
            normalize=normalize,
            sandbox="",
        )

    async def rows(self, sql: str, **params: Any) -> Sequence[Any]:
        """Return what a query finds."""
        return await self.store.read(lambda tx: tx.all(text(sql), **params))

    async def count(self, table: str, where: str = "TRUE") -> int:
        """Return how many rows a table has."""
        return int((await self.rows(f"SELECT count(*) FROM {table} WHERE {where}"))[0][0])

    async def events(self, type_: str = "%") -> list[CloudEvent[Any]]:
        """Return the events of a type, oldest first."""
        rows = await self.store.read(lambda tx: tx.all(_EVENTS, pattern=f"hub.{type_}.v1"))
        return [envelope(row) for row in rows]

    async def sums(self, connector: str = "whatsapp") -> dict[str, int]:
        """Return what became of the items of a connector; they always add up."""
        found = (await self.store.read(deliveries.sums)).get(connector, dict.fromkeys(deliveries.COUNTS, 0))
        assert found["items"] == sum(found[name] for name in deliveries.COUNTS[1:]), found
        return {name: amount for name, amount in found.items() if amount}

    async def read(self, fn: Callable[[Transaction], Any]) -> Any:
        """Ask the store."""
        return await self.store.read(fn)


@contextlib.asynccontextmanager
async def journaling(store: Store, clock: FakeClock, data: Path, *, seed: int = 4711) -> AsyncIterator[Rig]:
    """Run a journal beside a running store until the block ends."""
    journal = JournalWriter(
        data / "journal", clock, SeededRandomness(seed), segment_bytes=64 * 1024 * 1024, disk_free_bytes=0
    )
    async with journal.running():
        yield Rig(data, store, clock, journal)


@contextlib.asynccontextmanager
async def running(data: Path, engine: str = "sqlite") -> AsyncIterator[Rig]:
    """Run journal with store until the block ends."""
    clock = FakeClock()
    async with a_store(engine, data, clock) as store, journaling(store, clock, data) as rig:
        yield rig
