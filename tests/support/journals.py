"""Real journals for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hub.pipeline.journal import Cursor, Entry, JournalReader, JournalWriter
from hub.pipeline.journal.writer import Row
from hub.store.types import to_microseconds
from tests.support.clock import MONDAY_MORNING, FakeClock
from tests.support.randomness import SeededRandomness


def a_writer(directory: Path, **more: Any) -> JournalWriter:
    """Return a writer that is not running yet."""
    given: dict[str, Any] = {"segment_bytes": 64 * 1024 * 1024, "disk_free_bytes": 0, **more}
    clock = given.pop("clock", FakeClock())
    return JournalWriter(directory, clock, given.pop("randomness", SeededRandomness()), **given)


def a_row(body: bytes = b"{}", path: str = "/webhooks/test/app") -> Row:
    """Return a delivery as intake hands it over."""
    return (to_microseconds(MONDAY_MORNING), "test", "app", "POST", path, '{"content-type":"application/json"}', body)


def read_all(directory: Path, cursor: Cursor | None = None, *, rows: int = 1000) -> list[Entry]:
    """Return all that follows a cursor, read page by page."""
    reader = JournalReader(directory)
    found: list[Entry] = []
    while page := reader.read(cursor, rows=rows, size=2**40):
        found += page
        cursor = page[-1].after
    reader.close()
    return found


def bodies(directory: Path) -> list[bytes]:
    """Return every body on disk, in order."""
    return [entry.delivery.body for entry in read_all(directory)]
