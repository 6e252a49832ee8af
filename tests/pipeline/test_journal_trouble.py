"""A disk that is short, full or broken: 503 until it mends, nothing lost, no hand needed."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from hub.errors import JournalUnavailable
from hub.pipeline.journal import JournalWriter, segment, writer
from hub.pipeline.journal.segment import _configure, list_segments
from tests.support.clock import FakeClock
from tests.support.journals import a_row, a_writer, bodies

SECONDS = 10


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try to mend every 10 ms instead of every second."""
    monkeypatch.setattr(writer, "_RETRY_SECONDS", 0.01)


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[JournalWriter]:
    async with a_writer(tmp_path / "journal").running() as journal:
        yield journal


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what must come true by itself."""
    async with asyncio.timeout(SECONDS):
        while not condition():  # noqa: ASYNC110 - another thread makes it true
            await asyncio.sleep(0.002)


async def test_a_short_disk_is_refused_until_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, free = FakeClock(), {"bytes": 10_000}
    monkeypatch.setattr(writer, "free_bytes", lambda _: free["bytes"])
    async with a_writer(tmp_path / "journal", clock=clock, disk_free_bytes=5_000).running() as journal:
        await journal.append(a_row(b"before"))
        free["bytes"] = 4_999
        clock.move(timedelta(seconds=2))

        with pytest.raises(JournalUnavailable, match="disk is short") as caught:
            await journal.append(a_row(b"refused"))
        assert caught.value.retry_after_seconds is not None
        assert (journal.ready, "HUB_LIMITS__DISK_FREE_BYTES" in journal.why_not) == (False, True)
        with pytest.raises(JournalUnavailable, match="disk is short"):
            await journal.append(a_row(b"refused at the door"))

        free["bytes"] = 10_000
        await until(lambda: journal.ready)
        await journal.append(a_row(b"after"))
        assert journal.total == 2

    assert bodies(tmp_path / "journal") == [b"before", b"after"]


async def test_a_disk_that_is_short_at_the_start_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = {"bytes": 0}
    monkeypatch.setattr(writer, "free_bytes", lambda _: free["bytes"])
    async with a_writer(tmp_path / "journal", disk_free_bytes=1).running() as journal:
        assert not journal.ready
        free["bytes"] = 1

        await until(lambda: journal.ready)
        await journal.append(a_row(b"at last"))

    assert bodies(tmp_path / "journal") == [b"at last"]


async def test_a_full_disk_answers_no_one_falsely(journal: JournalWriter) -> None:
    await journal.append(a_row(b"before"))
    assert journal._connection is not None
    pages = journal._connection.execute("PRAGMA page_count").fetchone()[0]
    journal._connection.execute(f"PRAGMA max_page_count={pages + 10}")

    answers = await asyncio.gather(*(journal.append(a_row(b"x" * 40_000)) for _ in range(5)), return_exceptions=True)
    refused = sum(isinstance(answer, JournalUnavailable) for answer in answers)
    await until(lambda: journal.ready)
    await journal.append(a_row(b"after"))

    assert refused > 0
    assert bodies(journal.directory) == [b"before", *[b"x" * 40_000] * (5 - refused), b"after"]
    assert journal.total == 7 - refused


@pytest.mark.parametrize("what", ["a closed file", "a row that no database takes"])
async def test_the_writer_outlives_any_error(journal: JournalWriter, what: str) -> None:
    await journal.append(a_row(b"before"))
    if what == "a closed file":
        assert journal._connection is not None
        journal._connection.close()
        refused = a_row(b"refused")
    else:
        refused = a_row(b"refused", path="\ud83d")

    with pytest.raises(JournalUnavailable, match="cannot be written"):
        await journal.append(refused)
    await until(lambda: journal.ready)
    await journal.append(a_row(b"after"))

    assert bodies(journal.directory) == [b"before", b"after"]
    assert len(list_segments(journal.directory)) == 2, "an error ends the segment"


async def test_trying_again_leaves_no_litter(journal: JournalWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = 0

    def fail(path: Path) -> None:
        nonlocal tries
        tries += 1
        raise OSError(5, "Input/output error")

    await journal.append(a_row(b"before"))
    assert journal._connection is not None
    with monkeypatch.context() as broken:
        broken.setattr(segment, "sync", fail)
        journal._connection.close()
        with pytest.raises(JournalUnavailable):
            await journal.append(a_row(b"refused"))
        await until(lambda: tries > 5)
        assert "Input/output error" in journal.why_not
        assert len(list(journal.directory.glob("*draft*"))) <= 2
    await until(lambda: journal.ready)
    await journal.append(a_row(b"after"))

    assert bodies(journal.directory) == [b"before", b"after"]
    assert not list(journal.directory.glob("*draft*"))


async def test_a_segment_whose_wal_stayed_behind_is_never_begun(
    journal: JournalWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing moves the WAL into the file; when the disk refuses that, SQLite keeps it beside, in silence."""
    await journal.append(a_row(b"before"))
    with monkeypatch.context() as broken, contextlib.ExitStack() as others:

        def held(connection: sqlite3.Connection) -> sqlite3.Connection:
            _configure(connection)
            other = sqlite3.connect(journal.directory / "next.draft", check_same_thread=False)
            other.execute("SELECT * FROM sqlite_master").fetchall()
            others.enter_context(contextlib.closing(other))
            return connection

        broken.setattr(segment, "_configure", held)
        assert journal._connection is not None
        journal._connection.close()
        with pytest.raises(JournalUnavailable):
            await journal.append(a_row(b"refused"))
        await until(lambda: "written whole" in journal.why_not)
        assert len(list_segments(journal.directory)) == 1
    await until(lambda: journal.ready)
    await journal.append(a_row(b"after"))

    assert bodies(journal.directory) == [b"before", b"after"]


async def test_a_listener_hears_of_commits_only(tmp_path: Path) -> None:
    heard: list[int] = []
    async with a_writer(tmp_path / "journal", on_commit=lambda: heard.append(1)).running() as journal:
        await journal.append(a_row())
        assert len(heard) == 1
        assert journal._connection is not None
        journal._connection.close()
        with pytest.raises(JournalUnavailable):
            await journal.append(a_row())
        assert len(heard) == 1
