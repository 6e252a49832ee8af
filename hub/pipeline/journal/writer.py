"""Takes deliveries durably: whatever waits rides in one fsync."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hub import killpoints
from hub.errors import JournalUnavailable
from hub.pipeline.journal.segment import (
    count,
    create_segment,
    free_bytes,
    list_segments,
    open_for_writing,
    publish,
    remove,
    sync,
)
from hub.ports import Clock, Randomness
from hub.telemetry import logger

log = logger("journal")

_INSERT: Final = (
    "INSERT INTO deliveries (received_at, connector, app, method, path, headers, body) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_RETRY_SECONDS: Final = 1.0
_ROW_BYTES: Final = 4096
"""What a row costs beside its body: at least a page of the WAL."""

Row = tuple[int, str, str, str, str, str, bytes]
"""received_at in microseconds since 1970, connector, app, method, path, headers as JSON, body."""


@dataclass(slots=True)
class _Waiting:
    row: Row
    future: asyncio.Future[None]


class JournalWriter:
    """The only writer of a journal directory; one thread, one open segment.

    Each start opens a new segment: a segment is written by one process in its whole life. After any error the segment
    is given up, since an fsync that failed is never tried again on the same file; every second another one is tried.
    """

    def __init__(
        self,
        directory: Path,
        clock: Clock,
        randomness: Randomness,
        *,
        segment_bytes: int,
        disk_free_bytes: int,
        on_commit: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare; ``on_commit`` is called in the event loop after each commit."""
        self.directory = directory
        self.ready = False
        self.why_not = "the journal is not open yet"
        self._clock = clock
        self._randomness = randomness
        self._segment_bytes = segment_bytes
        self._disk_free_bytes = disk_free_bytes
        self._on_commit = on_commit
        self._arrived: list[_Waiting] = []
        self._queue: deque[_Waiting] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._connection: sqlite3.Connection | None = None
        self._number: int | None = None
        self._bytes = 0
        self._rows = 0
        self._base = 0
        self._disk_checked_at = float("-inf")

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[JournalWriter]:
        """Open a segment, which proves that an fsync works, then serve until the block ends."""
        self._loop = asyncio.get_running_loop()
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        await asyncio.to_thread(self._try_open)
        self._thread = threading.Thread(target=self._write_for_ever, name="hub-journal", daemon=True)
        self._thread.start()
        try:
            yield self
        finally:
            self._hand_over()
            with self._wake:
                self._closing = True
                self._wake.notify()
            await asyncio.to_thread(self._thread.join)

    @property
    def total(self) -> int:
        """How many deliveries this journal has ever taken."""
        return self._base + self._rows

    async def append(self, row: Row) -> None:
        """Return once the delivery is on disk.

        Raises:
            JournalUnavailable: It is not, as far as the provider may know; answer 503.
        """
        if not self.ready or self._closing:
            why = self.why_not or "the journal is closing"
            raise JournalUnavailable(why, retry_after_seconds=_RETRY_SECONDS)
        loop = asyncio.get_running_loop()
        waiting = _Waiting(row, loop.create_future())
        if not self._arrived:
            # What the loop has read by its next turn rides in one commit: waking the thread for each costs more.
            loop.call_soon(self._hand_over)
        self._arrived.append(waiting)
        await waiting.future

    def _hand_over(self) -> None:
        arrived, self._arrived = self._arrived, []
        if arrived:
            with self._wake:
                self._queue.extend(arrived)
                self._wake.notify()

    def _write_for_ever(self) -> None:
        while True:
            with self._wake:
                if not self._queue and not self._closing:
                    self._wake.wait(None if self.ready else _RETRY_SECONDS)
                batch = list(self._queue)
                self._queue.clear()
                closing = self._closing
            if batch:
                self._write(batch)
            elif closing:
                break
            elif not self.ready:
                self._try_open()
        self.ready = False
        _close(self._connection)

    def _write(self, batch: list[_Waiting]) -> None:
        try:
            self._refuse_short_disk()
            connection = self._connection
            if connection is None:
                raise JournalUnavailable(self.why_not)  # noqa: TRY301 - one place settles the batch
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(_INSERT, [waiting.row for waiting in batch])
            killpoints.reached("journal.before_commit")
            connection.execute("COMMIT")
            killpoints.reached("journal.committed")
        except Exception as error:  # noqa: BLE001 - whatever it was, nobody may wait for ever or be told 200
            self._lose_segment(error)
            self._settle(batch, self.why_not)
            return
        self._rows += len(batch)
        self._settle(batch, None)
        self._bytes += sum(len(waiting.row[6]) + _ROW_BYTES for waiting in batch)
        if self._bytes > self._segment_bytes:
            self._rotate()

    def _settle(self, batch: list[_Waiting], problem: str | None) -> None:
        def settle() -> None:
            for waiting in batch:
                if waiting.future.done():
                    continue
                if problem is None:
                    waiting.future.set_result(None)
                else:
                    error = JournalUnavailable(problem, retry_after_seconds=_RETRY_SECONDS)
                    waiting.future.set_exception(error)
            if problem is None:
                self._on_commit()

        # A loop that closed has nobody left to tell.
        with contextlib.suppress(RuntimeError):
            if self._loop is not None:
                self._loop.call_soon_threadsafe(settle)

    def _rotate(self) -> None:
        """Begin the next segment while the old one closes, which copies up to a segment's size out of its WAL."""
        full, self._connection = self._connection, None
        threading.Thread(target=_close, args=(full,), name="hub-journal-close").start()
        self._try_open()

    def _try_open(self) -> None:
        """Open the next segment with a probe; stay not ready when the disk does not let us."""
        try:
            self._refuse_short_disk()
            # The directory's own name may be as new as what it holds.
            sync(self.directory.parent)
            number, base = self._next()
            journal, segment_id = self._journal_id(), self._randomness.token()[:16]
            segment = create_segment(self.directory, journal, number, segment_id, base)
            self._connection = open_for_writing(segment)
        except Exception as error:  # noqa: BLE001 - it is tried again in a second, whatever it was
            self._lose_segment(error)
            return
        if self._number is not None and not self.ready:
            log.warning("the journal takes deliveries again", segment=number)
        self._number, self._base, self._rows, self._bytes = number, base, 0, 0
        self.ready, self.why_not = True, ""

    def _next(self) -> tuple[int, int]:
        """Return the next segment's number with how many deliveries came before it.

        Segments that took nothing make room for it: a disk that comes or goes must not leave one a second.
        """
        if self._number is not None and self.ready:
            return self._number + 1, self.total
        segments = list_segments(self.directory)
        while segments:
            base, rows = count(segments[-1])
            if rows:
                return segments[-1].number + 1, base + rows
            if len(segments) == 1:
                break
            remove(segments.pop().path)
        return (segments[-1].number + 1, base) if segments else (1, 0)

    def _journal_id(self) -> str:
        path = self.directory / "journal.id"
        if not path.exists():
            draft = path.with_suffix(".draft")
            draft.touch(mode=0o600)
            draft.write_text(self._randomness.token())
            publish(draft, path)
        return path.read_text().strip()

    def _refuse_short_disk(self) -> None:
        now = self._clock.monotonic()
        if now - self._disk_checked_at < _RETRY_SECONDS and self.ready:
            return
        if free_bytes(self.directory) < self._disk_free_bytes:
            msg = "the disk is short: less is free than HUB_LIMITS__DISK_FREE_BYTES; free some, nothing is lost"
            raise JournalUnavailable(msg)
        self._disk_checked_at = now

    def _lose_segment(self, error: Exception) -> None:
        why = str(error) if isinstance(error, JournalUnavailable) else f"the journal cannot be written: {error}"
        if why != self.why_not:
            log.error("providers are told 503", why=why)
        self.ready, self.why_not = False, why
        connection, self._connection = self._connection, None
        _close(connection)


def _close(connection: sqlite3.Connection | None) -> None:
    """Close a segment; what cannot be moved out of its WAL now, a reader recovers later."""
    if connection is not None:
        with contextlib.suppress(sqlite3.Error):
            connection.close()
