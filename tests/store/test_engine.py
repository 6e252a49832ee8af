"""The settings that durability rests on are verified, never assumed."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import Engine

from hub.errors import Misconfigured
from hub.store.engine import in_transaction, is_unavailable, open_engine
from hub.store.sqlite import SqliteStore
from tests.support.clock import FakeClock
from tests.support.stores import migrated


class Careless(sqlite3.Connection):
    """A database that does not sync whatever it is told."""

    def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
        """Turn every wish for FULL into OFF."""
        return super().execute(sql.replace("synchronous=FULL", "synchronous=OFF"), *args)


def opened_with(monkeypatch: pytest.MonkeyPatch, change: Callable[[str, dict[str, Any]], Engine]) -> None:
    """Let engines be made in another way."""
    monkeypatch.setattr("hub.store.engine.create_engine", lambda url, **more: change(url, more))


async def test_each_connection_is_wal_with_full_sync(tmp_path: Path) -> None:
    for writable in (True, False):
        with open_engine(tmp_path / "hub.db", writable=writable).connect() as connection:
            found = [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "synchronous", "foreign_keys", "trusted_schema", "auto_vacuum")
            ]

        assert found == ["wal", 2, 1, 0, 2]


async def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    with open_engine(tmp_path / "hub.db").connect() as connection:
        connection.exec_driver_sql("CREATE TABLE t (a)")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}

    assert modes == {"hub.db": 0o600, "hub.db-wal": 0o600, "hub.db-shm": 0o600}


async def test_a_disk_without_wal_is_refused_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_shared_memory(url: str, more: dict[str, Any]) -> Engine:
        address = url.replace("sqlite:///", "sqlite:///file:") + "?vfs=unix-dotfile&uri=true"
        return sqlalchemy.create_engine(address, **more)

    path = tmp_path / "hub.db"
    opened_with(monkeypatch, without_shared_memory)

    with pytest.raises(Misconfigured, match="must be on a local disk"):
        await SqliteStore(path, FakeClock()).start()


async def test_a_database_that_does_not_sync_is_refused_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def careless(url: str, more: dict[str, Any]) -> Engine:
        more["connect_args"]["factory"] = Careless
        return sqlalchemy.create_engine(url, **more)

    path = migrated(tmp_path)
    opened_with(monkeypatch, careless)

    with pytest.raises(Misconfigured, match="synchronous=0"):
        await SqliteStore(path, FakeClock()).start()


async def test_opening_an_existing_database_writes_nothing(tmp_path: Path) -> None:
    path = migrated(tmp_path)
    with open_engine(path).connect() as connection:
        before = connection.exec_driver_sql("PRAGMA data_version").scalar()

        for writable in (True, False):
            with open_engine(path, writable=writable).connect() as other:
                other.exec_driver_sql("SELECT count(*) FROM events").scalar()

        assert connection.exec_driver_sql("PRAGMA data_version").scalar() == before


async def test_no_statement_runs_where_the_transaction_is_gone(tmp_path: Path) -> None:
    """A full disk ends the transaction by itself: in autocommit what follows would be durable alone."""
    with open_engine(tmp_path / "hub.db").connect() as connection:
        connection.exec_driver_sql("CREATE TABLE t (a)")
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 5}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")

        with pytest.raises(sqlalchemy.exc.OperationalError, match="full"):
            connection.exec_driver_sql("INSERT INTO t VALUES (zeroblob(1000000))")
        with pytest.raises(sqlalchemy.exc.PendingRollbackError) as caught:
            connection.exec_driver_sql("INSERT INTO t VALUES (1)")

        assert is_unavailable(caught.value)
        assert not in_transaction(connection)
    with open_engine(tmp_path / "hub.db").connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM t").scalar() == 0


def test_sqlite_needs_no_psycopg() -> None:
    look = "import sys, hub.bootstrap, hub.cli.serve, hub.cli.opening; print('psycopg' in sys.modules)"

    found = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "False"
