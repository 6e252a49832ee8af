"""Reading a journal: by cursor, in bounded pages, never past a doubt."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hub.errors import JournalUnavailable
from hub.pipeline.journal import Cursor, JournalMismatch, JournalReader
from hub.pipeline.journal.segment import list_segments
from tests.support.journals import a_row, a_writer, read_all


@pytest.fixture
async def directory(tmp_path: Path) -> Path:
    """A journal of 40 deliveries in several closed segments."""
    async with a_writer(tmp_path / "journal", segment_bytes=50_000).running() as writer:
        for number in range(40):
            await writer.append(a_row(b"%02d" % number * 500))
    return tmp_path / "journal"


def test_there_is_nothing_to_read_before_the_first_start(tmp_path: Path) -> None:
    reader = JournalReader(tmp_path / "none")

    assert reader.journal_id is None
    assert reader.read(None, rows=10, size=10) == []
    assert (reader.pending(None), reader.total()) == (0, 0)
    with pytest.raises(JournalMismatch, match="gone"):
        reader.read(Cursor(1, "a" * 16, 1), rows=10, size=10)


def test_a_page_is_bounded_by_rows_as_by_bytes(directory: Path) -> None:
    reader = JournalReader(directory)

    assert len(reader.read(None, rows=3, size=2**40)) == 3
    assert len(reader.read(None, rows=100, size=3500)) == 4
    assert len(reader.read(None, rows=100, size=1)) == 1, "one delivery always comes, however large"
    reader.close()


def test_what_is_pending_is_counted(directory: Path) -> None:
    reader = JournalReader(directory)
    entries = read_all(directory)

    assert (reader.total(), reader.pending(None)) == (40, 40)
    assert reader.pending(entries[0].after) == 39
    assert reader.pending(entries[24].after) == 15
    assert reader.pending(entries[-1].after) == 0


def test_a_delivery_has_one_id_for_ever(directory: Path) -> None:
    assert [entry.delivery.id for entry in read_all(directory, rows=3)] == [
        entry.delivery.id for entry in read_all(directory)
    ]


def test_a_cursor_inside_a_delivery_brings_that_delivery_again(directory: Path) -> None:
    first, second, *_ = read_all(directory)
    reader = JournalReader(directory)

    (entry,) = reader.read(replace(first.after, item=7), rows=1, size=2**40)
    assert entry == second
    reader.close()


def test_another_segment_under_the_cursor_stops_everything(directory: Path) -> None:
    cursor = read_all(directory)[3].after
    reader = JournalReader(directory)

    with pytest.raises(JournalMismatch, match="the cursor speaks of"):
        reader.read(replace(cursor, segment_id="0" * 16), rows=1, size=1)
    with pytest.raises(JournalMismatch, match="gone"):
        reader.read(replace(cursor, segment=99), rows=1, size=1)
    for lost in (replace(cursor, row=99), replace(cursor, row=list_last_row(directory), item=1)):
        with pytest.raises(JournalMismatch, match="lost its end"):
            reader.read(lost, rows=1, size=1)
    reader.close()


def list_last_row(directory: Path) -> int:
    """Return the last row of the first segment."""
    return max(entry.after.row for entry in read_all(directory) if entry.after.segment == 1)


def test_ingested_segments_go_after_their_time(directory: Path) -> None:
    entries = read_all(directory)
    cursor = next(entry.after for entry in reversed(entries) if entry.after.segment == 3)
    reader = JournalReader(directory)
    now = datetime.now(UTC)  # noqa: TID251, RUF100 - held against the file system's own time

    for number in (1, 2):
        reader.leave(number)
    assert reader.forget(cursor, now - timedelta(hours=24)) == 0
    assert reader.forget(cursor, now + timedelta(hours=1)) == 2

    numbers = [segment.number for segment in list_segments(directory)]
    assert numbers[0] == 3, "never the one under the cursor"
    assert [path.name for path in directory.iterdir() if path.name.startswith(("00000001", "00000002"))] == []
    assert read_all(directory, cursor) == [entry for entry in entries if entry.after > cursor]
    assert reader.total() == 40


def test_a_disk_that_cannot_be_read_is_waited_for(directory: Path) -> None:
    segment = list_segments(directory)[0]
    whole = segment.path.read_bytes()
    reader = JournalReader(directory)

    segment.path.write_bytes(b"no database at all" * 1000)
    with pytest.raises(JournalUnavailable, match="cannot be read now"):
        reader.read(None, rows=10, size=2**40)
    reader.close()
    segment.path.write_bytes(whole)

    assert len(read_all(directory)) == 40


@pytest.mark.parametrize("damage", ["received_at = 'never'", "headers = 'no JSON'", "body = 1"])
def test_a_damaged_row_is_an_alarm_like_a_damaged_disk(directory: Path, damage: str) -> None:
    with contextlib.closing(sqlite3.connect(list_segments(directory)[0].path)) as segment, segment:
        segment.execute(f"UPDATE deliveries SET {damage} WHERE row = 1")
    reader = JournalReader(directory)

    with pytest.raises(JournalUnavailable, match="cannot be read now"):
        reader.read(None, rows=10, size=2**40)

    reader.close()


async def test_a_reader_follows_the_writer(tmp_path: Path) -> None:
    directory = tmp_path / "journal"
    reader = JournalReader(directory)
    cursor: Cursor | None = None
    async with a_writer(directory, segment_bytes=20_000).running() as writer:
        for number in range(30):
            await writer.append(a_row(b"%d" % number * 1000))
            (entry,) = reader.read(cursor, rows=10, size=2**40)
            assert entry.delivery.body == b"%d" % number * 1000
            cursor = entry.after
    reader.close()


async def test_what_a_killed_writer_left_is_made_durable_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_writer(tmp_path / "live").running() as writer:
        await writer.append(a_row(b"written"))
        shutil.copytree(tmp_path / "live", tmp_path / "killed")
    synced: list[str] = []
    monkeypatch.setattr("hub.pipeline.journal.reader.sync", lambda path: synced.append(path.name))

    (entry,) = read_all(tmp_path / "killed")

    assert entry.delivery.body == b"written"
    assert synced == [list_segments(tmp_path / "killed")[0].path.name + "-wal"]
