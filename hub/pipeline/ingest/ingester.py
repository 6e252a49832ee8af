"""Takes one journal into the database, in order, for ever."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar

from hub import killpoints
from hub.contracts import Connector
from hub.errors import JournalUnavailable, StoreUnavailable
from hub.pipeline.ingest.mark import Mark, MarkFile, examine
from hub.pipeline.ingest.parts import BY, Parsed, Part, cut, parse
from hub.pipeline.ingest.recorder import Recorder
from hub.pipeline.ingest.reporter import Reporter, WentBack
from hub.pipeline.journal import Cursor, Entry, JournalMismatch, JournalReader
from hub.pipeline.pace import Pace
from hub.ports import Clock, Randomness, Store
from hub.settings import Limits, Waits
from hub.store import deliveries, suspects
from hub.store.transaction import Origin, UnitOfWork
from hub.telemetry import logger, metrics
from schemas.operations import ReasonClass

log = logger("ingest")

T = TypeVar("T")

_ROWS: Final = 256
_BYTES: Final = 8 * 1024 * 1024
_FORGET_EVERY_SECONDS: Final = 60.0
_POISON: Final[tuple[ReasonClass, str]] = ("poison", "the hub died three times with it in hand")


class CursorMoved(JournalMismatch):
    """Somebody else ingests the same journal."""


class Ingester:
    """The one ingester of a journal; a second one is stopped by the compare-and-set on the cursor."""

    def __init__(  # noqa: PLR0913 - every part has its name
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
        reporter: Reporter | None = None,
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
        self._reporter = reporter
        self._reported_at = float("-inf")
        self._pace = Pace(target_seconds=0.020, largest=256)
        self._wake = asyncio.Event()
        self._cursor: Cursor | None = None
        self._known = False
        self._mark: Mark | None = None
        self._mark_file = MarkFile(reader.directory)
        self._in_hand: str | None = None
        self._crashes = 0
        self._forgot_at = float("-inf")
        self._thread = ThreadPoolExecutor(1, "hub-ingest")

    def wake(self) -> None:
        """Say that the journal has something new."""
        self._wake.set()

    async def run(self) -> None:
        """Ingest until cancelled; what stops it, for now or for good, stands in ``alarm``."""
        try:
            while await self._run_until_idle():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._waits.look_seconds):
                        await self._wake.wait()
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the journal."""
        # Behind whatever the thread still does: a connection that is closed under a query takes the process down.
        self._thread.submit(self._reader.close)
        self._thread.shutdown(wait=False)

    async def _run_until_idle(self) -> bool:
        """Take in all there is; False when it must never go on."""
        self._wake.clear()
        try:
            while await self.step():
                self.alarm = None
                await self._keep_house()
            self.alarm = None
            await self._keep_house()
        except StoreUnavailable as error:
            self._known = False
            log.warning("the database cannot serve; deliveries wait in the journal", error=str(error))
            await asyncio.sleep(self._waits.store_retry_seconds)
        except JournalUnavailable as error:
            self.alarm = str(error)
            log.error("the journal cannot be read; what it holds waits", error=str(error))  # noqa: TRY400 - no bug
            await asyncio.sleep(self._waits.store_retry_seconds)
        except JournalMismatch as error:
            self.alarm = str(error)
            log.error("ingest stopped: the journal is not the one it was", error=str(error))  # noqa: TRY400 - no bug
            return False
        return True

    async def step(self) -> bool:
        """Ingest what one look at the journal gives; False when there was nothing.

        Raises:
            JournalMismatch: The journal, or the cursor, is not what it was.
            JournalUnavailable: The disk cannot be read; nothing is lost.
            StoreUnavailable: The database cannot serve; nothing is lost.
        """
        if not self._known:
            await self._load()
        entries = await self._aside(self._look)
        if not entries:
            self._careful = False
            return False
        if self._careful:
            await self._step_carefully(entries)
            self._careful = False
            return True
        await self._record_all(await self._aside(self._parse, entries))
        return True

    async def _aside(self, work: Callable[..., T], *args: Any) -> T:
        """Run something off the event loop, in the one thread that ever touches the reader."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)

    def _look(self) -> list[Entry]:
        """Note beside the journal how far it is ingested, then read on."""
        if self._mark is not None:
            self._mark_file.write(self._mark.at(self._cursor))
        return self._reader.read(self._cursor, rows=_ROWS, size=_BYTES)

    async def _record_all(self, parsed: Sequence[Parsed]) -> None:
        start = self._cursor.item if self._cursor is not None else 0
        for batch in cut(parsed, start, self._pace.size()):
            try:
                await self._record(batch)
            except (StoreUnavailable, JournalMismatch):
                raise
            except Exception as error:  # noqa: BLE001 - our bug, or the data's; going alone shows whose
                log.error("a batch could not be recorded; each goes alone", error=type(error).__name__)  # noqa: TRY400
                if not await self._record_one_by_one(batch):
                    return

    async def _record_one_by_one(self, batch: Sequence[Part]) -> bool:
        """Record each part alone; False when a delivery had to be given up: what follows it is read again."""
        for part in batch:
            try:
                await self._record([part])
            except (StoreUnavailable, JournalMismatch):
                raise
            except Exception as error:  # noqa: BLE001 - as above; a person sees it
                reason = f"it could not be recorded: {type(error).__name__}"
                parsed = replace(part.parsed, items=(), refusal=("ours", reason))
                await self._record([Part(parsed, part.start, (), parsed.entry.after, last=True)])
                return False
        return True

    async def _step_carefully(self, entries: Sequence[Entry]) -> None:
        """Take deliveries one by one, each marked before it is parsed: one that kills the process is found."""
        for entry in entries:
            delivery = entry.delivery.id
            if self._in_hand != delivery:
                # Counted once a process: a database that was away meanwhile is no crash.
                self._crashes = await self._store.read(partial(suspects.crashes, scope=BY, item=delivery))
                self._in_hand = delivery
            await self._store.transact(
                lambda unit, d=delivery: suspects.mark(unit.begin(Origin(d, BY, "hub")), BY, d, self._crashes),  # type: ignore[misc]
                name="ingest.mark",
            )
            if self._crashes >= suspects.CRASHES:
                connector = self._connectors.get(entry.delivery.connector)
                channel = "" if connector is None else connector.channel
                await self._record_all([Parsed(entry, channel, refusal=_POISON)])
            else:
                await self._record_all(await self._aside(self._parse, [entry]))
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

        def record(unit: UnitOfWork) -> list[Counter[str]]:
            tx = unit.begin(Origin("", BY, "hub"))
            tx.lock("journal", [journal])
            row = deliveries.cursor(tx, journal)
            if row is not None and row.token == token:
                return []
            found = None if row is None else Cursor(row.segment, row.segment_id, row.row, row.item)
            if before is not None and (found is None or found < before):
                raise WentBack
            if found != before:
                msg = "another process moved the cursor of this journal"
                raise CursorMoved(msg)
            with self._pace.measured(items):
                tallies = Recorder(unit, batch).record()
                unit.flush()
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
            return tallies

        tallies = await self._store.transact(record, name="ingest")
        killpoints.reached("ingest.committed")
        for part, tally in zip(batch, tallies, strict=False):
            for outcome, count in tally.items():
                metrics.ingested.labels(part.parsed.entry.delivery.connector, outcome).inc(count)
        self._cursor = after
        if before is not None and after.segment != before.segment:
            await self._aside(self._leave, before.segment, after.segment)

    def _leave(self, first: int, until: int) -> None:
        for number in range(first, until):
            self._reader.leave(number)

    def _parse(self, entries: Sequence[Entry]) -> list[Parsed]:
        return [parse(entry, self._connectors) for entry in entries]

    async def _load(self) -> None:
        journal = self._reader.journal_id
        if journal is None:
            return
        if self._mark is not None:
            # What this process saw last: the mark on disk may be a batch behind.
            self._mark_file.write(self._mark.at(self._cursor))
        self._mark = await examine(self._reader, self._store)
        row = await self._store.read(lambda tx: deliveries.cursor(tx, journal))
        self._cursor = None if row is None else Cursor(row.segment, row.segment_id, row.row, row.item)
        self._known = True

    async def report(self) -> None:
        """Tell the database what the journal holds.

        Raises:
            StoreUnavailable: The database cannot serve now, or it came out of a back-up since the last look.
        """
        if self._reporter is not None and self._mark is not None:
            self._mark = await self._reporter.report(self._mark, *await self._aside(self._backlog))

    def _backlog(self) -> tuple[int, datetime | None]:
        entries = self._reader.read(self._cursor, rows=1, size=1)
        return (self._reader.pending(self._cursor), entries[0].delivery.received_at) if entries else (0, None)

    async def _keep_house(self) -> None:
        now = self._clock.monotonic()
        if now - self._reported_at >= self._waits.report_seconds:
            self._reported_at = now
            await self.report()
        await self._tidy()

    async def _tidy(self) -> None:
        now = self._clock.monotonic()
        if self._cursor is None or now - self._forgot_at < _FORGET_EVERY_SECONDS:
            return
        self._forgot_at = now
        is_short = self._reader.disk_is_short(self._limits.disk_free_bytes)
        keep = timedelta(0) if is_short else timedelta(seconds=self._limits.segment_keep_seconds)
        await self._aside(self._reader.forget, self._cursor, self._clock.now() - keep)
        pending = await self._aside(self._reader.pending, self._cursor)
        metrics.journal_pending.set(pending)
