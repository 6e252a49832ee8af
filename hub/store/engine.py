"""SQLite files, opened with the settings that the promise rests on."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from hub.errors import Misconfigured

BUSY_MILLISECONDS: Final = 5000

_UNAVAILABLE: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_PROTOCOL,
    }
)


def open_engine(path: Path, *, writable: bool = True, incremental_vacuum: bool = True) -> Engine:
    """Return an engine whose every connection is in WAL with synchronous=FULL, verified.

    The driver is in autocommit: transactions are ours to begin. A file that is new gets ``auto_vacuum`` before its
    first table.

    Raises:
        Misconfigured: At connect, when the file system does not grant the settings.
    """
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        hide_parameters=True,
        connect_args={"check_same_thread": False, "timeout": BUSY_MILLISECONDS / 1000, "cached_statements": 512},
    )

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: Any) -> None:
        if incremental_vacuum:
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        granted = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA trusted_schema=OFF")
        if not writable:
            connection.execute("PRAGMA query_only=ON")
        synchronous = connection.execute("PRAGMA synchronous").fetchone()[0]
        if granted != "wal" or synchronous != 2:  # noqa: PLR2004 - 2 is FULL
            msg = f"{path.name}: the file system grants journal_mode={granted}, synchronous={synchronous}; "
            raise Misconfigured([msg + "the data directory must be on a local disk that grants WAL with FULL"])

    return engine


def is_unavailable(error: BaseException) -> bool:
    """Tell whether an error speaks of the database itself, not of what was asked of it."""
    if isinstance(error, DBAPIError):
        error = error.orig or error
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and (code & 0xFF) in _UNAVAILABLE
