"""Takes one journal into the database, in order, for ever."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from pydantic_core import from_json, to_json

from hub import killpoints
from hub.contracts import Connector
from hub.errors import StoreUnavailable
from hub.pipeline.ingest.parts import Parsed, Part, cut, parse
from hub.pipeline.ingest.recorder import BY, Recorder
from hub.pipeline.journal import Cursor, Entry, JournalMismatch, JournalReader
from hub.pipeline.pace import Pace
from hub.ports import Clock, Randomness, Store
from hub.settings import Limits, Waits
from hub.store import deliveries, suspects
from hub.store.transaction import Origin, UnitOfWork
from hub.telemetry import logger, metrics
from schemas.operations import ReasonClass

log = logger("ingest")

_ROWS: Final = 256
_BYTES: Final = 8 * 1024 * 1024
_FORGET_EVERY_SECONDS: Final = 60.0
_POISON: Final[tuple[ReasonClass, str]] = ("poison", "the hub died three times with it in hand")


class CursorMoved(JournalMismatch):
    """Somebody else ingests the same journal."""


class Ingester:
    """The one ingester of a journal; a second one is stopped by the compare-and-set on the cursor."""

    def __init__(
        self,
        reader: JournalReader,
        store: Store,
        connectors: Mapping[str, Connector],
        clock: Clock,
        randomness: Randomness,
        *,
        waits: Waits,
        limits: Limits,
        careful: bool = False,
    ) -> None:
        """Prepare; ``careful`` takes the first batch one by one, since the last process died."""
        self.alarm: str | None = None
        self._reader = reader
        self._store = store
        self._connectors = connectors
        self._clock = clock
        self._randomness = randomness
        self._waits = waits
        self._limits = limits
        self._careful = careful
        self._pace = Pace(clock, target_seconds=0.020, largest=256)
        self._wake = asyncio.Event()
        self._cursor: Cursor | None = None
        self._known = False
        self._forgot_at = float("-inf")

    def wake(self) -> None:
        """Say that the journal has something new."""
        self._wake.set()

    async def run(self) -> None:
        """Ingest until cancelled; what stops it for good stands in ``alarm``."""
        while True:
            self._wake.clear()
            try:
                while await self.step():
                    pass
                await self._tidy()
            except StoreUnavailable as error:
                log.warning("the database cannot serve; deliveries wait in the journal", error=str(error))
                await asyncio.sleep(self._waits.store_retry_seconds)
                self._known = False
                continue
            except JournalMismatch as error:
                self.alarm = str(error)
                log.error("ingest stopped: the journal is not the one it was", error=str(error))  # noqa: TRY400 - no bug
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._waits.look_seconds)

    async def step(self) -> bool:
        """Ingest what one look at the journal gives; False when there was nothing.

        Raises:
            JournalMismatch: The journal, or the cursor, is not what it was.
            StoreUnavailable: The database cannot serve; nothing is lost.
        """
        if not self._known:
            await self._load()
        entries = await asyncio.to_thread(self._reader.read, self._cursor, rows=_ROWS, size=_BYTES)
        if not entries:
            self._careful = False
            return False
        if self._careful:
            await self._step_carefully(entries)
            return True
        parsed = await asyncio.to_thread(self._parse, entries)
        await self._record_all(parsed)
        return True

    async def _record_all(self, parsed: Sequence[Parsed]) -> None:
        start = self._cursor.item if self._cursor is not None else 0
        for batch in cut(parsed, start, self._pace.size()):
            await self._record(batch)

    async def _step_carefully(self, entries: Sequence[Entry]) -> None:
        """Take deliveries one by one, each marked before it is parsed: one that kills the process is found."""
        self._careful = False
        for entry in entries:
            delivery = entry.delivery.id
            crashes = await self._store.transact(
                lambda unit, d=delivery: suspects.mark(unit.begin(Origin(d, BY, "hub")), BY, d),  # type: ignore[misc]
                name="ingest.mark",
            )
            if crashes >= suspects.CRASHES:
                channel = self._connectors[entry.delivery.connector].channel
                await self._record_all([Parsed(entry, channel, refusal=_POISON)])
            else:
                await self._record_all(await asyncio.to_thread(self._parse, [entry]))
            await self._store.transact(
                lambda unit, d=delivery: suspects.clear(unit.begin(Origin(d, BY, "hub")), BY, d),  # type: ignore[misc]
                name="ingest.clear",
            )

    async def _record(self, batch: list[Part]) -> None:
        before, after = self._cursor, batch[-1].after
        token = self._randomness.token()
        journal = self._reader.journal_id or ""
        done = sum(part.last for part in batch)
        items = sum(max(len(part.items), 1) for part in batch)

        def record(unit: UnitOfWork) -> None:
            tx = unit.begin(Origin("", BY, "hub"))
            row = deliveries.cursor(tx, journal)
            if row is not None and row.token == token:
                return
            found = None if row is None else Cursor(row.segment, row.segment_id, row.row, row.item)
            if found != before:
                msg = "another process moved the cursor of this journal"
                raise CursorMoved(msg)
            with self._pace.measured(items):
                Recorder(unit, batch).record()
            deliveries.move_cursor(
                tx,
                journal,
                first=row is None,
                segment=after.segment,
                segment_id=after.segment_id,
                row=after.row,
                item=after.item,
                more=done,
                token=token,
            )
            killpoints.reached("ingest.before_commit")

        await self._store.transact(record, name="ingest")
        killpoints.reached("ingest.committed")
        if before is not None and after.segment != before.segment:
            for number in range(before.segment, after.segment):
                self._reader.leave(number)
        self._cursor = after

    def _parse(self, entries: Sequence[Entry]) -> list[Parsed]:
        return [parse(entry, self._connectors) for entry in entries]

    async def _load(self) -> None:
        journal = self._reader.journal_id
        if journal is None:
            return
        row = await self._store.read(lambda tx: deliveries.cursor(tx, journal))
        await self._check_mark()
        self._cursor = None if row is None else Cursor(row.segment, row.segment_id, row.row, row.item)
        self._known = True

    async def _check_mark(self) -> None:
        """Refuse a database that is not the one this journal was ingested into."""
        store_id = await self._store.read(suspects.store_id)
        path = self._reader.directory / "ingested.json"
        if path.exists():
            mark: dict[str, Any] = from_json(path.read_bytes())
            if mark["store_id"] != store_id:
                msg = f"this journal belongs to database {mark['store_id']}, not to {store_id}; run hub journal adopt"
                raise JournalMismatch(msg)
            return
        draft = path.with_suffix(".draft")
        draft.write_bytes(to_json({"store_id": store_id}))
        draft.rename(path)

    async def _tidy(self) -> None:
        now = self._clock.monotonic()
        if self._cursor is None or now - self._forgot_at < _FORGET_EVERY_SECONDS:
            return
        self._forgot_at = now
        keep = timedelta(seconds=self._limits.segment_keep_seconds)
        await asyncio.to_thread(self._reader.forget, self._cursor, self._clock.now() - keep)
        pending = await asyncio.to_thread(self._reader.pending, self._cursor)
        metrics.journal_pending.set(pending)
