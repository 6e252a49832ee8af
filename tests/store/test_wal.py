"""The write-ahead log stays small, whoever reads."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

from sqlalchemy.engine import Connection

from hub.store.engine import open_engine
from hub.store.wal import WalKeeper
from tests.support.clock import FakeClock


def write(connection: Connection, megabytes: int) -> None:
    """Commit so much."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    connection.exec_driver_sql("INSERT INTO t VALUES (zeroblob(?))", (megabytes * 1024 * 1024,))
    connection.exec_driver_sql("COMMIT")


def test_a_large_log_is_emptied_once_no_reader_is_in_the_way(tmp_path: Path) -> None:
    path, clock = tmp_path / "hub.db", FakeClock()
    wal = path.with_name("hub.db-wal")
    keeper = WalKeeper(path, clock, checkpoint_bytes=1024 * 1024)
    with open_engine(path).connect() as writer, open_engine(path, writable=False).connect() as reader:
        writer.exec_driver_sql("CREATE TABLE t (a)")
        keeper.keep_small(writer)
        reader.exec_driver_sql("BEGIN")
        reader.exec_driver_sql("SELECT count(*) FROM t").scalar()
        write(writer, 3)

        started = time.monotonic()
        keeper.keep_small(writer)
        assert time.monotonic() - started < 1, "a reader holds nobody up"
        assert wal.stat().st_size > 3 * 1024 * 1024

        reader.exec_driver_sql("ROLLBACK")
        keeper.keep_small(writer)
        assert wal.stat().st_size > 0, "tried once a second, not at every train"
        clock.move(timedelta(seconds=1))
        keeper.keep_small(writer)
        assert wal.stat().st_size == 0
        assert writer.exec_driver_sql("PRAGMA busy_timeout").scalar() == 5000
