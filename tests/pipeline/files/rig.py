"""A worker over a fetcher that does as it is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from hub.contracts import AssetRoute, Fetched, File, NotFetched, Target, WantedFile
from hub.pipeline.files import FileWorker, Shelf
from hub.ports import Store
from hub.services import attachments
from hub.settings import Limits, Waits
from hub.store.transaction import Origin, UnitOfWork
from tests.pipeline.effects.rig import ScriptedSender
from tests.support.clock import FakeClock
from tests.support.engines import a_store
from tests.support.randomness import SeededRandomness

PLACE = ("whatsapp", "223450000000002")
PDF = b"%PDF-1.7 una factura"

Step = bytes | NotFetched | Callable[[Target], Awaitable[Fetched | NotFetched]]


@dataclass
class ScriptedFetcher:
    """Gives the scripted results in turn, then a file each time."""

    script: list[Step] = field(default_factory=list)
    asked: list[WantedFile] = field(default_factory=list)

    async def fetch(self, wanted: WantedFile, into: Target) -> Fetched | NotFetched:
        self.asked.append(wanted)
        step = self.script.pop(0) if self.script else PDF
        if isinstance(step, NotFetched):
            return step
        if isinstance(step, bytes):
            into.write(step)
            return Fetched("application/pdf")
        return await step(into)

    async def close(self) -> None:
        pass


class Rig:
    """What a test of files talks to."""

    def __init__(self, data: Path, store: Store, clock: FakeClock) -> None:
        self.media = data / "media"
        self.store, self.clock = store, clock
        self.fetcher = ScriptedFetcher()
        self.waits = Waits(store_retry_seconds=0.01)
        self.limits = Limits(file_bytes=100_000, disk_free_bytes=0)
        self._seed = 0

    def worker(self) -> FileWorker:
        """Return a worker of a process of its own."""
        self._seed += 1
        shelf = Shelf(self.media, most_bytes=self.limits.file_bytes, disk_free_bytes=self.limits.disk_free_bytes)
        routes = {PLACE: AssetRoute("support", ScriptedSender(), "graph", fetcher=self.fetcher)}
        randomness = SeededRandomness(self._seed)
        return FileWorker(self.store, routes, shelf, self.clock, randomness, waits=self.waits, limits=self.limits)

    async def want(self, **given: Any) -> str:
        """Announce a file of a message; return its id."""
        file = File("document", {"media_id": "m"}, **({"filename": "factura.pdf"} | given))

        def want(unit: UnitOfWork) -> str:
            tx = unit.begin(Origin(f"cause-{self._seed}-{file.filename}", "ingest", "customer"))
            announced = attachments.announce(tx, [file])
            place = {"message_id": "ms_1", "conversation_id": "cv_1", "connector": PLACE[0], "asset": PLACE[1]}
            attachments.want(tx, attachments.rows(announced, [file], wanted_at=self.clock.now(), **place))
            return announced[0].attachment_id

        return await self.store.transact(want, name="test.want")

    async def turn(self, worker: FileWorker) -> float:
        """Let a worker look, then let its attempts end; return how long it would wait."""
        wait = await worker.look()
        async with asyncio.timeout(10):
            await worker.drain()
        return wait

    def move(self, **by: float) -> None:
        """Let time pass."""
        self.clock.move(timedelta(**by))

    async def rows(self, sql: str) -> Sequence[Any]:
        """Return what a query finds."""
        return await self.store.read(lambda tx: tx.all(text(sql)))

    async def states(self) -> list[tuple[str, int]]:
        """Return state with attempts of each file."""
        return [
            (row[0], row[1]) for row in await self.rows("SELECT state, attempts FROM attachments ORDER BY position")
        ]

    async def told(self) -> list[str]:
        """Return the types of events about files, alarms among them."""
        rows = await self.rows("SELECT type FROM events ORDER BY position")
        return [row[0].removeprefix("hub.").removesuffix(".v1") for row in rows]

    def on_disk(self) -> list[bytes]:
        """Return every file that is kept, half ones too."""
        return sorted(path.read_bytes() for path in self.media.rglob("*") if path.is_file())


@contextlib.asynccontextmanager
async def running(data: Path, engine: str) -> AsyncIterator[Rig]:
    """Run a rig on a fresh database."""
    clock = FakeClock()
    async with a_store(engine, data, clock) as store:
        yield Rig(data, store, clock)
