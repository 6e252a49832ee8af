"""One segment of a journal: a SQLite file that only its intake process writes."""

from __future__ import annotations

import os
import re
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_NAME: Final = re.compile(r"(\d{8})-([0-9a-f]{16})\.segment")

_TABLES: Final = """
CREATE TABLE segment (journal TEXT NOT NULL, number INTEGER NOT NULL, id TEXT NOT NULL, base INTEGER NOT NULL);
CREATE TABLE deliveries (
    row INTEGER PRIMARY KEY,
    received_at INTEGER NOT NULL,
    connector TEXT NOT NULL,
    app TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    headers TEXT NOT NULL,
    body BLOB NOT NULL
);
"""


@dataclass(frozen=True, slots=True, order=True)
class SegmentFile:
    """A segment by its file name; sorts by number."""

    number: int
    id: str
    path: Path


def list_segments(directory: Path) -> list[SegmentFile]:
    """Return the segments of a journal, oldest first."""
    found = []
    for path in directory.iterdir():
        match = _NAME.fullmatch(path.name)
        if match:
            found.append(SegmentFile(int(match[1]), match[2], path))
    return sorted(found)


def create_segment(directory: Path, journal: str, number: int, segment_id: str, base: int) -> SegmentFile:
    """Make an empty segment that appears under its name only when it is whole, on disk.

    Args:
        directory: The journal.
        journal: The journal's lasting id.
        number: One more than the newest segment's.
        segment_id: 16 random hex digits.
        base: How many deliveries the journal took before this segment.
    """
    path = directory / f"{number:08d}-{segment_id}.segment"
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    connection = _configure(sqlite3.connect(draft, isolation_level=None))
    try:
        connection.executescript("BEGIN IMMEDIATE;" + _TABLES + "COMMIT;")
        connection.execute("INSERT INTO segment VALUES (?, ?, ?, ?)", (journal, number, segment_id, base))
    finally:
        connection.close()
    draft.chmod(0o600)
    _sync(draft)
    draft.rename(path)
    _sync(directory)
    return SegmentFile(number, segment_id, path)


def open_for_writing(segment: SegmentFile) -> sqlite3.Connection:
    """Return the writing connection.

    The WAL is moved into the file only when the segment closes: a checkpoint on the accept path would cost every
    request of that moment two more fsyncs.
    """
    connection = sqlite3.connect(segment.path, isolation_level=None, check_same_thread=False, timeout=5)
    connection = _configure(connection)
    connection.execute("PRAGMA wal_autocheckpoint=0")
    return connection


def open_for_reading(segment: SegmentFile) -> sqlite3.Connection:
    """Return a connection that cannot write; of a killed process's segment SQLite recovers the WAL here."""
    connection = sqlite3.connect(segment.path, isolation_level=None, check_same_thread=False, timeout=5)
    connection.execute("PRAGMA query_only=ON")
    return connection


def count(segment: SegmentFile) -> tuple[int, int]:
    """Return how many deliveries the journal held before this segment, with how many are in it."""
    connection = open_for_reading(segment)
    try:
        base = connection.execute("SELECT base FROM segment").fetchone()[0]
        rows = connection.execute("SELECT coalesce(max(row), 0) FROM deliveries").fetchone()[0]
    finally:
        connection.close()
    return int(base), int(rows)


def _configure(connection: sqlite3.Connection) -> sqlite3.Connection:
    mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    connection.execute("PRAGMA synchronous=FULL")
    level = connection.execute("PRAGMA synchronous").fetchone()[0]
    if mode != "wal" or level != 2:  # noqa: PLR2004 - 2 is FULL
        connection.close()
        msg = f"the journal's file system grants journal_mode={mode}, synchronous={level}; it must be a local disk"
        raise sqlite3.OperationalError(msg)
    return connection


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
