"""One segment of a journal: a SQLite file that only its intake process writes."""

from __future__ import annotations

import os
import re
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

_NAME: Final = re.compile(r"(\d{8})-([0-9a-f]{16})\.segment")
_DRAFT: Final = "next.draft"
_SIDE_FILES: Final = ("-wal", "-shm", "-journal")
_FULL: Final = 2

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
    """Return the segments of a journal, oldest first; none while there is no journal."""
    found = []
    for path in directory.iterdir() if directory.exists() else ():
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
    draft = directory / _DRAFT
    remove(draft)
    draft.touch(mode=0o600)
    connection = _configure(sqlite3.connect(draft, isolation_level=None))
    try:
        connection.executescript("BEGIN IMMEDIATE;" + _TABLES + "COMMIT;")
        connection.execute("INSERT INTO segment VALUES (?, ?, ?, ?)", (journal, number, segment_id, base))
    finally:
        connection.close()
    # A close does not say that the disk refused what it had to move out of the WAL.
    if Path(f"{draft}-wal").exists():
        msg = "a new segment could not be written whole"
        raise sqlite3.OperationalError(msg)
    path = directory / f"{number:08d}-{segment_id}.segment"
    publish(draft, path)
    return SegmentFile(number, segment_id, path)


def open_for_writing(segment: SegmentFile) -> sqlite3.Connection:
    """Return the writing connection.

    The WAL is moved into the file only when the segment closes: a checkpoint on the accept path would cost every
    request of that moment two more fsyncs.
    """
    connection = _configure(_connect(segment))
    connection.execute("PRAGMA wal_autocheckpoint=0")
    return connection


def open_for_reading(segment: SegmentFile) -> sqlite3.Connection:
    """Return a connection that cannot write; of a killed process's segment SQLite recovers the WAL here."""
    connection = _connect(segment)
    connection.execute("PRAGMA query_only=ON")
    return connection


def count(segment: SegmentFile) -> tuple[int, int]:
    """Return how many deliveries the journal held before this segment, with how many are in it."""
    connection = open_for_reading(segment)
    try:
        base = connection.execute("SELECT base FROM segment").fetchone()[0]
        return int(base), last_row(connection)
    finally:
        connection.close()


def last_row(connection: sqlite3.Connection) -> int:
    """Return the number of a segment's newest delivery, 0 for none."""
    return int(connection.execute("SELECT coalesce(max(row), 0) FROM deliveries").fetchone()[0])


def remove(path: Path) -> None:
    """Delete a segment or a draft with the files that SQLite keeps beside it."""
    for suffix in (*_SIDE_FILES, ""):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def free_bytes(directory: Path) -> int:
    """Return how much of the disk is free to us."""
    disk = os.statvfs(directory)
    return disk.f_bavail * disk.f_frsize


def publish(draft: Path, path: Path) -> None:
    """Give a finished file its name, durably."""
    sync(draft)
    draft.rename(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Make a file's content durable, or a directory's names."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _connect(segment: SegmentFile) -> sqlite3.Connection:
    # mode=rw: a segment that was deleted meanwhile must not come back as an empty file.
    address = f"file:{quote(str(segment.path))}?mode=rw"
    return sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False, timeout=5)


def _configure(connection: sqlite3.Connection) -> sqlite3.Connection:
    mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    connection.execute("PRAGMA synchronous=FULL")
    level = connection.execute("PRAGMA synchronous").fetchone()[0]
    if mode != "wal" or level != _FULL:
        connection.close()
        msg = f"the journal's file system grants journal_mode={mode}, synchronous={level}; it must be a local disk"
        raise sqlite3.OperationalError(msg)
    return connection
