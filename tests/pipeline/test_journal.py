"""The journal: what was answered 2xx is on disk, in order, whatever happens to the process."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from textwrap import dedent

import pytest

from hub.errors import JournalUnavailable
from hub.pipeline.journal import Cursor
from hub.pipeline.journal.segment import list_segments
from hub.store.types import to_microseconds
from tests.features.catalogue import ROOT
from tests.support.clock import MONDAY_MORNING
from tests.support.journals import a_row, a_writer, bodies, read_all

SECONDS = 20


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "journal"


async def test_what_was_taken_comes_back_as_it_was(directory: Path) -> None:
    body = bytes(range(256)) * 16
    async with a_writer(directory).running() as writer:
        await writer.append(a_row(body))

    (entry,) = read_all(directory)
    delivery = entry.delivery
    assert (delivery.connector, delivery.app, delivery.method, delivery.path) == (
        "test",
        "app",
        "POST",
        "/webhooks/test/app",
    )
    assert delivery.body == body
    assert delivery.headers == {"content-type": "application/json"}
    assert to_microseconds(delivery.received_at) == to_microseconds(MONDAY_MORNING)
    assert delivery.id.startswith("dl_")


async def test_whatever_waits_shares_a_commit(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    statements: Counter[str] = Counter()
    busy, go = threading.Event(), threading.Event()

    def wait() -> None:
        busy.set()
        assert go.wait(SECONDS)

    async with a_writer(directory).running() as writer:
        assert writer._connection is not None
        writer._connection.set_trace_callback(lambda sql: statements.update([sql.split()[0]]))
        monkeypatch.setattr(writer, "_refuse_short_disk", wait)
        appends = [asyncio.create_task(writer.append(a_row(b"first")))]
        assert await asyncio.to_thread(busy.wait, SECONDS)
        appends += [asyncio.create_task(writer.append(a_row(b"%d" % number))) for number in range(300)]
        await asyncio.sleep(0)
        go.set()
        await asyncio.gather(*appends)

    assert statements["COMMIT"] == 2
    assert bodies(directory) == [b"first", *(b"%d" % number for number in range(300))]


async def test_segments_follow_each_other_without_a_gap(directory: Path) -> None:
    async with a_writer(directory, segment_bytes=100_000).running() as writer:
        for number in range(200):
            await writer.append(a_row(b"%d" % number * 1000))
        assert writer.total == 200

    assert len(list_segments(directory)) > 5
    for rows in (1, 7, 1000):
        found = read_all(directory, rows=rows)
        assert [entry.delivery.body for entry in found] == [b"%d" % number * 1000 for number in range(200)]
        assert len({entry.delivery.id for entry in found}) == 200


async def test_each_start_goes_on_in_a_segment_of_its_own(directory: Path) -> None:
    for number in range(5):
        async with a_writer(directory).running() as writer:
            await writer.append(a_row(b"%d" % number))
            assert writer.total == number + 1

    assert bodies(directory) == [b"0", b"1", b"2", b"3", b"4"]
    assert len(list_segments(directory)) == 5


async def test_starts_that_take_nothing_leave_nothing(directory: Path) -> None:
    async with a_writer(directory).running() as writer:
        await writer.append(a_row(b"first"))
    for _ in range(5):
        async with a_writer(directory).running():
            pass
    async with a_writer(directory).running() as writer:
        await writer.append(a_row(b"last"))
        assert writer.total == 2

    assert bodies(directory) == [b"first", b"last"]
    assert len(list_segments(directory)) == 2


async def test_files_are_for_their_owner_alone(directory: Path) -> None:
    async with a_writer(directory).running() as writer:
        await writer.append(a_row())
        modes = {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}

        assert modes == {0o600}
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700


async def test_who_waits_at_the_stop_is_answered(directory: Path) -> None:
    async with a_writer(directory).running() as writer:
        appends = [asyncio.create_task(writer.append(a_row(b"%d" % number))) for number in range(50)]
        await asyncio.sleep(0)
    await asyncio.gather(*appends)

    assert len(bodies(directory)) == 50
    with pytest.raises(JournalUnavailable):
        await writer.append(a_row())


async def test_a_journal_that_was_not_opened_takes_nothing(directory: Path) -> None:
    with pytest.raises(JournalUnavailable, match="not open yet"):
        await a_writer(directory).append(a_row())


async def test_who_is_cancelled_holds_up_nobody(directory: Path) -> None:
    async with a_writer(directory).running() as writer:
        gone = asyncio.create_task(writer.append(a_row(b"gone")))
        await asyncio.sleep(0)
        gone.cancel()
        await writer.append(a_row(b"here"))

    assert b"here" in bodies(directory)


async def test_what_a_killed_process_answered_is_on_disk(directory: Path) -> None:
    """The writer dies by SIGKILL between two instructions of its own; each answer it gave must be found."""
    program = dedent(
        """
        import asyncio, itertools, sys
        from pathlib import Path
        from tests.support.journals import a_row, a_writer
        from hub.system import SystemRandomness

        async def client(writer, name):
            for number in itertools.count():
                await writer.append(a_row(b"%d-%d" % (name, number)))
                print(f"{name}-{number}", flush=True)

        async def main():
            writer = a_writer(Path(sys.argv[1]), segment_bytes=300_000, randomness=SystemRandomness())
            async with writer.running():
                await asyncio.gather(*(client(writer, name) for name in range(8)))

        asyncio.run(main())
        """
    )
    answered: set[bytes] = set()
    for life in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", program, str(directory)], stdout=subprocess.PIPE, cwd=ROOT
        ) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(100 * (life + 1))]
            process.kill()
            lines += process.stdout.readlines()
        answered |= {b"%d:" % life + line.strip() for line in lines if line.endswith(b"\n")}

    assert len(answered) >= 600
    found: dict[str, list[bytes]] = {}
    for entry in read_all(directory, rows=50):
        found.setdefault(entry.after.segment_id, []).append(entry.delivery.body)
    kept = Counter(body for segment in found.values() for body in segment)
    assert kept >= Counter(line.partition(b":")[2] for line in answered)


async def test_a_new_life_reads_on_after_a_kill(directory: Path) -> None:
    program = dedent(
        """
        import asyncio, os, sys
        from pathlib import Path
        from tests.support.journals import a_row, a_writer

        async def main():
            async with a_writer(Path(sys.argv[1])).running() as writer:
                await writer.append(a_row(b"before"))
                os.kill(os.getpid(), 9)

        asyncio.run(main())
        """
    )
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", program, str(directory)], cwd=ROOT, check=False, timeout=SECONDS
    )
    assert done.returncode == -9
    (before,) = read_all(directory)

    async with a_writer(directory).running() as writer:
        assert writer.total == 1
        await writer.append(a_row(b"after"))
        (after,) = read_all(directory, before.after)

    assert after.delivery.body == b"after"
    assert after.after > before.after


async def test_drafts_of_a_killed_start_are_no_segments(directory: Path) -> None:
    directory.mkdir()
    for name in ("next.draft", "next.draft-wal", "next.draft-journal"):
        (directory / name).write_bytes(os.urandom(5000))

    async with a_writer(directory).running() as writer:
        await writer.append(a_row(b"first"))

    assert bodies(directory) == [b"first"]
    assert not list(directory.glob("*.draft*"))


async def test_cursors_order_as_the_journal_does() -> None:
    assert Cursor(1, "f", 9) < Cursor(2, "a", 1) < Cursor(2, "a", 1, 5) < Cursor(2, "a", 2)
