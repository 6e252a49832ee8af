"""Reads a journal in order, from a cursor on."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from pydantic_core import from_json

from hub.contracts import RawDelivery
from hub.errors import HubError, JournalUnavailable
from hub.pipeline.journal.segment import (
    SegmentFile,
    count,
    free_bytes,
    last_row,
    list_segments,
    open_for_reading,
    remove,
    sync,
)
from schemas import ids

_SELECT: Final = (
    "SELECT row, received_at, connector, app, method, path, headers, body FROM deliveries WHERE row > ? ORDER BY row"
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class JournalMismatch(HubError):
    """The journal is not the one that the cursor speaks of; ingesting on would lose or double something."""


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """How far a journal is ingested: everything of older segments, of this one up to ``row``, ``item`` of the next."""

    segment: int
    segment_id: str
    row: int
    item: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One delivery with the cursor at which it is wholly ingested."""

    delivery: RawDelivery
    after: Cursor


class JournalReader:
    """Reads what one journal holds; any number of readers may stand beside the writer."""

    def __init__(self, directory: Path) -> None:
        """Point at a journal directory, which may not exist yet."""
        self.directory = directory
        self._open: tuple[SegmentFile, sqlite3.Connection] | None = None

    @property
    def journal_id(self) -> str | None:
        """The journal's lasting id; None until its writer has started once."""
        path = self.directory / "journal.id"
        return path.read_text().strip() if path.exists() else None

    def read(self, cursor: Cursor | None, *, rows: int, size: int) -> list[Entry]:
        """Return what follows the cursor, oldest first.

        Args:
            cursor: None for a journal of which nothing was ever ingested.
            rows: At most so many deliveries.
            size: Stop after so many bytes of bodies; one delivery always comes.

        Raises:
            JournalMismatch: The cursor's segment is gone, is another one, or ends before the cursor.
            JournalUnavailable: The disk cannot be read now.
        """
        with _readable():
            return self._read(cursor, rows, size)

    def _read(self, cursor: Cursor | None, rows: int, size: int) -> list[Entry]:
        segments = list_segments(self.directory)
        start, row = self._place(segments, cursor)
        found: list[Entry] = []
        for index in range(start, len(segments)):
            more = self._read_segment(segments[index], row, rows - len(found), size)
            found += more
            size -= sum(len(entry.delivery.body) for entry in more)
            # A later segment is begun only after the last commit of the one before it, so this one is whole.
            if len(found) >= rows or size <= 0:
                break
            row = 0
        return found

    def pending(self, cursor: Cursor | None) -> int:
        """Return how many deliveries follow the cursor."""
        segments = list_segments(self.directory)
        after = [s for s in segments if cursor is None or s.number >= cursor.segment]
        with _readable():
            total = sum(count(segment)[1] for segment in after)
        return total - (cursor.row if cursor is not None else 0)

    def total(self) -> int:
        """Return how many deliveries the journal has ever taken."""
        segments = list_segments(self.directory)
        with _readable():
            return sum(count(segments[-1])) if segments else 0

    def forget(self, cursor: Cursor, before: datetime) -> int:
        """Delete segments that were wholly ingested before an instant, then return how many."""
        deleted = 0
        for segment in list_segments(self.directory):
            if segment.number >= cursor.segment:
                break
            if _EPOCH + timedelta(seconds=segment.path.stat().st_mtime) < before:
                remove(segment.path)
                deleted += 1
        return deleted

    def disk_is_short(self, least_bytes: int) -> bool:
        """Tell whether less is free than the writer needs: what is ingested should go at once."""
        return free_bytes(self.directory) < least_bytes

    def leave(self, number: int) -> None:
        """Note on a segment that it is wholly ingested as of now."""
        for segment in list_segments(self.directory):
            if segment.number == number:
                os.utime(segment.path)

    def close(self) -> None:
        """Close the open segment."""
        if self._open is not None:
            self._open[1].close()
            self._open = None

    def _place(self, segments: list[SegmentFile], cursor: Cursor | None) -> tuple[int, int]:
        if cursor is None:
            return 0, 0
        for index, segment in enumerate(segments):
            if segment.number == cursor.segment:
                if segment.id != cursor.segment_id:
                    msg = f"segment {cursor.segment} is {segment.id}, the cursor speaks of {cursor.segment_id}"
                    raise JournalMismatch(msg)
                last = last_row(self._connection(segment))
                if cursor.row + (cursor.item > 0) > last:
                    msg = (
                        f"segment {cursor.segment} lost its end: it has {last} rows, the cursor stands at {cursor.row}"
                    )
                    raise JournalMismatch(msg)
                return index, cursor.row
        msg = f"segment {cursor.segment} of the journal is gone"
        raise JournalMismatch(msg)

    def _read_segment(self, segment: SegmentFile, row: int, rows: int, size: int) -> list[Entry]:
        found: list[Entry] = []
        connection = self._connection(segment)
        journal = self.journal_id or ""
        cursor = connection.execute(_SELECT, (row,))
        try:
            for number, received, connector, app, method, path, headers, body in cursor:
                delivery = RawDelivery(
                    id=ids.delivery_id(journal, segment.id, number),
                    connector=connector,
                    app=app,
                    received_at=_EPOCH + timedelta(microseconds=received),
                    method=method,
                    path=path,
                    headers=from_json(headers),
                    body=body,
                )
                found.append(Entry(delivery, Cursor(segment.number, segment.id, number)))
                size -= len(body)
                if len(found) >= rows or size <= 0:
                    break
        finally:
            cursor.close()
        return found

    def _connection(self, segment: SegmentFile) -> sqlite3.Connection:
        if self._open is not None and self._open[0] == segment:
            return self._open[1]
        self.close()
        # Of a killed writer the system may hold a commit that no disk has: whoever ingested it would be ahead of it.
        wal = segment.path.with_name(f"{segment.path.name}-wal")
        if wal.exists():
            sync(wal)
        connection = open_for_reading(segment)
        self._open = (segment, connection)
        return connection


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    # What a damaged segment gives instead of a delivery is of no type that can be relied on.
    except (sqlite3.Error, OSError, TypeError, ValueError) as error:
        msg = f"the journal cannot be read now: {error}"
        raise JournalUnavailable(msg) from error
