"""The database is brought to the next step while processes of this release read it, write to it."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import alembic.config
import pytest
from sqlalchemy import Engine, inspect

import hub.store.migrations.versions
from hub import bootstrap
from hub.ports import Store
from hub.store import events, schema
from hub.store.engine import open_engine as open_file
from hub.store.postgres_engine import open_engine
from hub.store.transaction import Origin, UnitOfWork
from hub.system import SystemClock, SystemRandomness
from schemas.conversations import CaseOpened
from tests.support.clock import MONDAY_MORNING
from tests.support.engines import ENGINES
from tests.support.postgres import a_database, running_postgres_store
from tests.support.stores import migrated, running_store

STEP = f"""
import sqlalchemy as sa
from alembic import op
from tests.store import test_upgrade

revision = "9999"
down_revision = "{schema.HEAD}"
OLDEST_CODE = {schema.CODE}


def upgrade():
    op.create_table("novelties", sa.Column("id", sa.Text(), primary_key=True))
    test_upgrade.gate.pass_through()
    op.add_column("events", sa.Column("novelty", sa.Text(), nullable=True))
"""
DEADLINE_SECONDS = 30


@dataclass
class Gate:
    """Stands in the middle of the step; opens when a test says so."""

    passed: int = 0
    reached: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)

    def pass_through(self) -> None:
        self.passed += 1
        self.reached.set()
        assert self.opened.wait(DEADLINE_SECONDS)


gate = Gate()


@dataclass
class Old:
    """A process of this release with its database, which a newer one is about to change."""

    store: Store
    migrate: Callable[[], None]
    second_waits: Callable[[], bool]
    engine: Engine
    count: int = 0

    async def serves(self) -> None:
        """Write a fact, then read it."""
        self.count += 1
        await self.store.transact(self._state, name="tests.state")
        assert await self.store.read(events.newest) == self.count

    def _state(self, unit: UnitOfWork) -> None:
        fact = CaseOpened(case_id="ca", conversation_id="cv", contact_id="ct", message_id=f"ms{self.count}")
        unit.begin(Origin(f"cause-{self.count}", "tests", "hub")).state(fact, key="cv")


@pytest.fixture(params=ENGINES)
async def old(tmp_path: Path, request: pytest.FixtureRequest, next_release: None) -> AsyncIterator[Old]:
    async with (_on_sqlite if request.param == "sqlite" else _on_postgres)(tmp_path) as running:
        yield running


@pytest.fixture
def next_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let this code have one more step to take."""
    global gate  # noqa: PLW0603 - the step finds it here
    gate = Gate()
    folder = tmp_path / "versions"
    folder.mkdir()
    (folder / "s9999.py").write_text(STEP)
    shipped = Path(hub.store.migrations.versions.__file__ or "").parent

    class WithOneMore(alembic.config.Config):
        def __init__(self, *given: Any, **more: Any) -> None:
            super().__init__(*given, **more)
            self.set_main_option("version_locations", f"{shipped}{os.pathsep}{folder}")

    monkeypatch.setattr(alembic.config, "Config", WithOneMore)
    monkeypatch.setattr(schema, "_PATIENCE_MS", 100)
    monkeypatch.setattr(schema, "_PAUSE_SECONDS", 0.05)
    yield
    gate.opened.set()


@asynccontextmanager
async def _on_sqlite(data: Path) -> AsyncIterator[Old]:
    path = migrated(data)
    engine = open_file(path)

    def migrate() -> None:
        bootstrap.prepare_database(data, SystemClock(), SystemRandomness())

    def second_waits() -> bool:
        inode = f":{(data / 'migration.lock').stat().st_ino} "
        return any("->" in line and inode in line for line in Path("/proc/locks").read_text().splitlines())

    async with running_store(path, rehearse=False) as store:
        yield Old(store, migrate, second_waits, engine)
    engine.dispose()


@asynccontextmanager
async def _on_postgres(data: Path) -> AsyncIterator[Old]:
    with a_database() as url:
        engine = open_engine(url, time_limits=False)

        def second_waits() -> bool:
            with engine.connect() as connection:
                waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
                return bool(connection.exec_driver_sql(waiting).scalar_one())

        def migrate() -> None:
            schema.prepare(engine, store_id="", now=MONDAY_MORNING)

        async with running_postgres_store(url, rehearse=False) as store:
            yield Old(store, migrate, second_waits, engine)
        engine.dispose()


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110 - it is another thread's or server's
            await asyncio.sleep(0.01)


async def test_a_process_of_this_release_serves_while_the_holder_of_the_lock_migrates(
    old: Old, monkeypatch: pytest.MonkeyPatch
) -> None:
    await old.serves()
    with ThreadPoolExecutor(2) as pool:
        with monkeypatch.context() as newer:
            newer.setattr(schema, "HEAD", "9999")
            first = pool.submit(old.migrate)
            assert await asyncio.to_thread(gate.reached.wait, DEADLINE_SECONDS)
            second = pool.submit(old.migrate)
            await _until(old.second_waits)
            assert await old.store.read(events.newest) == old.count
            writing = asyncio.create_task(old.serves())
            if old.engine.dialect.name == "postgresql":
                # SQLite has one writer: it waits for as long as the step takes.
                await asyncio.wait_for(writing, DEADLINE_SECONDS)
            assert [one.done() for one in (first, second)] == [False, False]
            gate.opened.set()
            await asyncio.wait_for(writing, DEADLINE_SECONDS)
            for one in (first, second):
                await asyncio.wrap_future(one)
        await old.serves()

    assert gate.passed == 1
    assert "novelty" in {column["name"] for column in inspect(old.engine).get_columns("events")}
    old.migrate()


@pytest.mark.postgres
async def test_a_migration_that_waits_for_a_table_makes_nobody_wait_behind_it(
    tmp_path: Path, next_release: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A back-up reads the log for an hour: whoever asks for the table alone would stop everybody behind it."""
    monkeypatch.setattr(schema, "HEAD", "9999")
    gate.opened.set()
    async with _on_postgres(tmp_path) as old:
        await old.serves()
        # In this order: whatever fails, the reader ends before the migration is waited for.
        with ThreadPoolExecutor(1) as pool, old.engine.connect() as reader:
            reader.exec_driver_sql("BEGIN")
            reader.exec_driver_sql("SELECT count(*) FROM events")
            migrating: Future[None] = pool.submit(old.migrate)
            await _until(lambda: gate.passed > 1)
            began = time.monotonic()
            for _ in range(3):
                await old.serves()
            assert not migrating.done()
            assert time.monotonic() - began < DEADLINE_SECONDS
            reader.exec_driver_sql("ROLLBACK")
            await asyncio.wrap_future(migrating)
        await old.serves()
