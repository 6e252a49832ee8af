"""Other processes beside the store: their locks, their commits, their wake-ups."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event

from hub.errors import StoreUnavailable
from hub.ports import Commit
from hub.store.sqlite import SqliteStore
from hub.store.wake import Wake
from tests.contracts.store.base import put, value
from tests.support.clock import FakeClock
from tests.support.stores import migrated, running_store

SECONDS = 10


@contextmanager
def locked_elsewhere(path: Path) -> Iterator[None]:
    """Hold the write lock as another connection would."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def impatient(store: SqliteStore) -> None:
    """Give up on a lock after a moment."""

    @event.listens_for(store.engine, "connect")
    def set_time(connection: object, _record: object) -> None:
        connection.execute("PRAGMA busy_timeout=20")  # type: ignore[attr-defined]


class Heard:
    """What a store's listener was told."""

    def __init__(self, store: SqliteStore) -> None:
        """Listen."""
        self.signals: asyncio.Queue[str] = asyncio.Queue()
        store.on_commit(self._note)

    async def next(self) -> str:
        """Return the next signal."""
        async with asyncio.timeout(SECONDS):
            return await self.signals.get()

    def _note(self, commit: Commit) -> None:
        for signal in commit.signals:
            self.signals.put_nowait(signal)


async def test_a_lock_held_elsewhere_refuses_all_at_once_then_passes(tmp_path: Path) -> None:
    path = migrated(tmp_path)
    store = SqliteStore(path, FakeClock(), rehearse=True)
    impatient(store)
    async with store.running():
        with locked_elsewhere(path):
            started = time.monotonic()
            answers = await asyncio.gather(
                *(store.transact(put(str(number), 1), name="put") for number in range(100)), return_exceptions=True
            )
            took = time.monotonic() - started
            assert await store.read(lambda tx: value(tx, "0")) is None, "readers wait for nobody"

        assert {type(answer) for answer in answers} == {StoreUnavailable}
        assert took < 2, "one wait for the lock, not a hundred"
        await store.transact(put("0", 7), name="put")
        assert await store.read(lambda tx: value(tx, "0")) == 7


async def test_a_lock_at_the_start_does_not_prevent_it(tmp_path: Path) -> None:
    path = migrated(tmp_path)
    store = SqliteStore(path, FakeClock())
    impatient(store)
    with locked_elsewhere(path):
        await store.start()
    try:
        await store.transact(put("a", 1), name="put")
    finally:
        await store.stop()


async def test_a_commit_elsewhere_is_noticed_without_any_word(tmp_path: Path) -> None:
    path = migrated(tmp_path)
    async with running_store(path, look_seconds=0.01) as store:
        heard = Heard(store)
        with closing(sqlite3.connect(path)) as other:
            other.execute("INSERT INTO counters VALUES ('a', 1)")
            other.commit()

        assert await heard.next() == "elsewhere"


async def test_own_commits_are_not_taken_for_others(tmp_path: Path) -> None:
    async with running_store(migrated(tmp_path), look_seconds=0.001) as store:
        heard = Heard(store)
        for number in range(20):
            await store.transact(put("a", number), name="put")
            await store.read(lambda tx: value(tx, "a"))
        await store.transact(lambda unit: unit.signals.add("mine"), name="signal")

        assert await heard.next() == "mine"


async def test_a_commit_wakes_the_neighbour(tmp_path: Path) -> None:
    path = migrated(tmp_path)
    async with running_store(path, look_seconds=60) as one, running_store(path, look_seconds=60) as other:
        heard = Heard(other)

        await one.transact(lambda unit: unit.signals.add("effects"), name="signal")

        assert await heard.next() == "elsewhere"


async def test_a_process_without_a_store_can_wake_those_that_have_one(tmp_path: Path) -> None:
    async with running_store(migrated(tmp_path), look_seconds=60) as store:
        heard = Heard(store)
        receiver = Wake(tmp_path / "wake")

        receiver.tell("journal")

        assert await heard.next() == "journal"
        receiver.close()


async def test_many_words_are_heard_as_few(tmp_path: Path) -> None:
    async with running_store(migrated(tmp_path), look_seconds=60) as store:
        heard = Heard(store)
        receiver = Wake(tmp_path / "wake")
        for _ in range(10_000):
            receiver.tell("journal")
        receiver.close()

        assert await heard.next() == "journal"
        assert heard.signals.qsize() < 100


async def test_sockets_are_private_or_gone(tmp_path: Path) -> None:
    folder = tmp_path / "wake"
    async with running_store(migrated(tmp_path)):
        (path,) = folder.iterdir()
        assert stat.S_ISSOCK(path.stat().st_mode)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    assert list(folder.iterdir()) == []


async def test_a_dead_process_is_forgotten(tmp_path: Path) -> None:
    folder = tmp_path / "wake"
    folder.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as dead:
        dead.bind(str(folder / "1-0.sock"))

    teller = Wake(folder)
    teller.tell("elsewhere")
    teller.close()

    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("directory", ["absent", "no-directory"])
async def test_nobody_to_tell_is_no_trouble(tmp_path: Path, directory: str) -> None:
    (tmp_path / "no-directory").touch()
    teller = Wake(tmp_path / directory)

    teller.tell("elsewhere")
    teller.listen(asyncio.get_running_loop(), lambda _: None)
    teller.tell("elsewhere")
    teller.close()


async def test_a_long_path_is_no_trouble(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    told: asyncio.Queue[str] = asyncio.Queue()
    one, other = Wake(folder), Wake(folder)
    one.listen(asyncio.get_running_loop(), told.put_nowait)
    other.listen(asyncio.get_running_loop(), told.put_nowait)

    other.tell("elsewhere")

    async with asyncio.timeout(SECONDS):
        assert await told.get() == "elsewhere"
    assert told.empty()
    one.close()
    other.close()
    assert list(folder.iterdir()) == []
