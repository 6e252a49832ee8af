"""SQLite files, opened with the settings that the promise rests on."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import Connection, ExceptionContext
from sqlalchemy.exc import DBAPIError, PendingRollbackError
from sqlalchemy.pool import NullPool

from hub.errors import Misconfigured
from hub.store import faults

BUSY_MILLISECONDS: Final = 5000

_FULL: Final = 2

# SQLite's own 1,000 pages would move the log into the database, with two more fsyncs, at every second commit train.
_CHECKPOINT_PAGES: Final = 8_000
# Its 2 MB hold less than the indexes that a train touches.
_CACHE_KIBIBYTES: Final = 8_192
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


def open_engine(path: Path, *, writable: bool = True) -> Engine:
    """Return an engine whose every connection is in WAL with synchronous=FULL, verified.

    The driver is in autocommit: transactions are ours to begin. A file that is new gets ``auto_vacuum`` before its
    first table. A connection that an error left without the transaction it was in takes no further statement: in
    autocommit each would be durable by itself.

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

    @event.listens_for(engine, "do_connect")
    def make_private(*_: Any) -> None:
        # Only while it is absent: closing a second descriptor of the file would drop every lock that we hold on it.
        if writable and not path.exists():
            path.touch(mode=0o600)

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: Any) -> None:
        # Only on a new file: on another one it would be a write, by each connection that opens.
        if connection.execute("PRAGMA page_count").fetchone()[0] == 0:
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        granted = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA trusted_schema=OFF")
        if writable:
            connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
            connection.execute(f"PRAGMA cache_size=-{_CACHE_KIBIBYTES}")
        else:
            connection.execute("PRAGMA query_only=ON")
        synchronous = connection.execute("PRAGMA synchronous").fetchone()[0]
        if granted != "wal" or synchronous != _FULL:
            msg = f"{path.name}: the file system grants journal_mode={granted}, synchronous={synchronous}; "
            raise Misconfigured([msg + "the data directory must be on a local disk that grants WAL with FULL"])

    @event.listens_for(engine, "handle_error")
    def lose(context: ExceptionContext) -> None:
        lost = is_unavailable(context.original_exception)
        if lost and context.connection is not None and not in_transaction(context.connection):
            context.is_disconnect = True

    return engine


def in_transaction(connection: Connection) -> bool:
    """Tell whether the database itself still holds the transaction that we began."""
    if connection.invalidated or connection.closed:
        return False
    driver: Any = connection.connection.driver_connection
    return bool(driver.in_transaction)


def is_unavailable(error: BaseException) -> bool:
    """Tell whether an error of either engine speaks of the database itself, not of what was asked of it."""
    if isinstance(error, PendingRollbackError):
        return True
    code = error_code(error)
    return faults.is_unavailable(error) if code is None else code in _UNAVAILABLE


def error_code(error: BaseException) -> int | None:
    """Return SQLite's primary code of an error, None when it is not one of SQLite's."""
    if isinstance(error, DBAPIError):
        error = error.orig or error
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
