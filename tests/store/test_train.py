"""The commit train: shared commits, no answer before them, every trouble on its own account."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError

from hub.errors import NotFound, StoreUnavailable
from hub.store import train
from hub.store.sqlite import SqliteStore
from hub.store.transaction import UnitOfWork
from tests.contracts.store.base import ADD, put, tx_of, value
from tests.support.clock import FakeClock
from tests.support.stores import migrated, running_store

SECONDS = 10


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with running_store(migrated(tmp_path)) as store:
        yield store


@contextlib.asynccontextmanager
async def held_up(store: SqliteStore) -> AsyncIterator[None]:
    """Keep the writer busy, so that what is submitted in the block goes in one train."""
    busy, go = threading.Event(), threading.Event()

    def wait(unit: UnitOfWork) -> None:
        busy.set()
        assert go.wait(SECONDS)

    waiting = asyncio.create_task(store.transact(wait, name="wait"))
    assert await asyncio.to_thread(busy.wait, SECONDS)
    try:
        yield
        await asyncio.sleep(0)
    finally:
        go.set()
    await waiting


def commits_of(store: SqliteStore) -> list[str]:
    """Return a list that grows with each commit of the store."""
    seen: list[str] = []

    def note(statement: str) -> None:
        if statement == "COMMIT":
            seen.append(statement)

    _listen(store, note)
    return seen


def _listen(store: SqliteStore, note: Callable[[str], None]) -> None:
    """Tell each statement that the store's connection is about to run."""
    driver: Any = store._train.connection.connection.driver_connection
    driver.set_trace_callback(note)


def limit_pages(store: SqliteStore, more: int) -> None:
    """Give the store a disk that is full after a few pages."""

    @event.listens_for(store.engine, "connect")
    def small(connection: object, _record: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]  # type: ignore[attr-defined]
        connection.execute(f"PRAGMA max_page_count={pages + more}")  # type: ignore[attr-defined]


def large(unit: UnitOfWork) -> None:
    """Write more than the small disk holds."""
    unit.connection.exec_driver_sql("INSERT INTO counters VALUES (hex(zeroblob(500000)), 1)")


async def test_jobs_that_wait_share_a_commit(store: SqliteStore) -> None:
    commits = commits_of(store)
    async with held_up(store):
        jobs = [asyncio.create_task(store.transact(put(str(number), number), name="put")) for number in range(100)]
    await asyncio.gather(*jobs)

    assert len(commits) == 2


async def test_nobody_is_answered_before_the_commit(store: SqliteStore) -> None:
    order: list[str] = []

    def note(statement: str) -> None:
        if statement == "COMMIT":
            time.sleep(0.05)
            order.append("commit")

    _listen(store, note)

    async def job(number: int) -> None:
        await store.transact(put(str(number), number), name="put")
        order.append("answer")

    async with held_up(store):
        jobs = [asyncio.create_task(job(number)) for number in range(3)]
    await asyncio.gather(*jobs)

    assert order == ["commit", "commit", "answer", "answer", "answer"]


async def test_a_job_that_fills_the_disk_fails_alone(tmp_path: Path) -> None:
    store = SqliteStore(migrated(tmp_path), FakeClock(), rehearse=True)
    limit_pages(store, 20)
    async with store.running():
        async with held_up(store):
            works = (put("a", 1), large, put("b", 2), large, put("c", 3))
            jobs = [asyncio.create_task(store.transact(work, name="work")) for work in works]
        answers = await asyncio.gather(*jobs, return_exceptions=True)

        assert [type(answer).__name__ for answer in answers] == [
            "NoneType",
            "StoreUnavailable",
            "NoneType",
            "StoreUnavailable",
            "NoneType",
        ]
        assert await store.read(lambda tx: [value(tx, name) for name in "abc"]) == [1, 2, 3]


async def test_a_job_that_hides_a_lost_transaction_writes_nothing(tmp_path: Path) -> None:
    store = SqliteStore(migrated(tmp_path), FakeClock())
    limit_pages(store, 20)

    def hide(unit: UnitOfWork) -> None:
        put("before", 1)(unit)
        with contextlib.suppress(Exception):
            large(unit)
        with contextlib.suppress(Exception):
            put("after", 1)(unit)

    async with store.running():
        with pytest.raises(StoreUnavailable):
            await store.transact(hide, name="hide")

        assert await store.read(lambda tx: (value(tx, "before"), value(tx, "after"))) == (None, None)


async def test_an_error_of_the_database_is_no_error_of_the_job(store: SqliteStore) -> None:
    """Whoever counts attempts must be able to tell them apart."""

    def missing(unit: UnitOfWork) -> None:
        raise NotFound

    def conflict(unit: UnitOfWork) -> None:
        tx_of(unit).run(ADD, counter="a", number=1)
        tx_of(unit).run(ADD, counter="a", number=2)

    for work in (missing, conflict):
        with pytest.raises((NotFound, IntegrityError)):
            await store.transact(work, name="work")


async def test_jobs_that_wait_at_the_stop_are_finished(tmp_path: Path) -> None:
    path = migrated(tmp_path)
    async with running_store(path) as store, held_up(store):
        jobs = [asyncio.create_task(store.transact(put(str(number), 1), name="put")) for number in range(50)]
    await asyncio.gather(*jobs)

    with pytest.raises(StoreUnavailable, match="not running"):
        await store.transact(put("late", 1), name="put")
    with pytest.raises(StoreUnavailable, match="not running"):
        await store.read(lambda tx: value(tx, "late"))
    async with running_store(path) as again:
        assert await again.read(lambda tx: sum(value(tx, str(number)) or 0 for number in range(50))) == 50


async def test_a_store_that_was_not_started_says_so(tmp_path: Path) -> None:
    store = SqliteStore(migrated(tmp_path), FakeClock())

    with pytest.raises(StoreUnavailable, match="not running"):
        await store.transact(put("a", 1), name="put")


async def test_a_job_that_holds_the_writer_is_named(tmp_path: Path) -> None:
    def spin(unit: UnitOfWork) -> None:
        until = time.thread_time() + 0.06
        while time.thread_time() < until:
            pass

    store = SqliteStore(migrated(tmp_path), FakeClock())
    async with store.running():
        await store.transact(put("a", 1), name="quick")
        await store.transact(spin, name="spin")

    assert [name for name, _ in store.slow_jobs] == ["spin"]


async def test_a_collection_of_garbage_is_no_fault_of_the_job_it_strikes(tmp_path: Path) -> None:
    cpu_seconds = 0.0

    def strike(unit: UnitOfWork) -> None:
        nonlocal cpu_seconds
        begun = time.thread_time()
        while time.thread_time() - begun < 0.12:
            gc.collect()
        cpu_seconds = time.thread_time() - begun

    store = SqliteStore(migrated(tmp_path), FakeClock())
    async with store.running():
        await store.transact(strike, name="strike")

    assert cpu_seconds > train.SLOW_JOB_SECONDS
    assert list(store.slow_jobs) == []


async def test_nobody_waits_for_a_writer_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_store(migrated(tmp_path)) as store:
        monkeypatch.setattr(store._wal, "keep_small", lambda _: 1 / 0)

        async with asyncio.timeout(SECONDS):
            await asyncio.gather(
                *(store.transact(put(str(number), 1), name="put") for number in range(3)), return_exceptions=True
            )
            with pytest.raises(StoreUnavailable):
                await store.transact(put("a", 1), name="put")

        assert isinstance(store.broken, ZeroDivisionError)
