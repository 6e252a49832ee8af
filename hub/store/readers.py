"""Connections that read: each call sees one snapshot, none can write."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Final, TypeVar

import sqlalchemy
from sqlalchemy import Engine
from sqlalchemy.engine import Connection

from hub.errors import StoreUnavailable
from hub.ports import Clock
from hub.store import prepared
from hub.store.engine import error_code, in_transaction, is_unavailable
from hub.store.transaction import Origin, Transaction, UnitOfWork
from hub.telemetry import logger

T = TypeVar("T")

log = logger("store")

THREADS: Final = 2
SLOW_SECONDS: Final = 2.0
_ORIGIN: Final = Origin(cause="", by="read", actor="hub")
_READONLY: Final = 8


class Readers:
    """A few threads with a connection each; a snapshot ends with the function that it was taken for."""

    def __init__(self, engine: Engine, unit: Callable[[Connection, datetime], UnitOfWork], clock: Clock) -> None:
        """Read through ``engine``; nothing is opened yet."""
        self._engine = engine
        self._unit = unit
        self._clock = clock
        self._threads: ThreadPoolExecutor | None = None
        self._local = threading.local()
        self._connections: set[Connection] = set()

    def start(self) -> None:
        """Make the threads."""
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="hub-read")

    def stop(self) -> None:
        """Let reads under way finish, then close every connection."""
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown()
        for connection in list(self._connections):
            self._close(connection)
        self._engine.dispose()

    async def read(self, fn: Callable[[Transaction], T]) -> T:
        """Run ``fn`` on a snapshot.

        Raises:
            StoreUnavailable: The database cannot serve now, or the readers do not run.
        """
        if self._threads is None:
            msg = "the store is not running"
            raise StoreUnavailable(msg)
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, fn)

    def _read(self, fn: Callable[[Transaction], T]) -> T:
        started = self._clock.monotonic()
        connection: Connection | None = None
        try:
            connection = self._connection()
            prepared.command(connection, "BEGIN")
            unit = self._unit(connection, self._clock.now())
            result = fn(unit.begin(_ORIGIN))
            refuse_facts(unit)
        except Exception as error:
            # The refusal to write is the caller's mistake: trying again would not help.
            if not is_unavailable(error) or error_code(error) == _READONLY:
                raise
            if connection is not None:
                self._close(connection)
            msg = f"the database cannot be read now: {type(error).__name__}"
            raise StoreUnavailable(msg) from error
        finally:
            if connection is not None and in_transaction(connection):
                prepared.command(connection, "ROLLBACK")
            self._judge(fn, self._clock.monotonic() - started)
        return result

    def _connection(self) -> Connection:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None or connection.closed:
            connection = self._local.connection = self._engine.connect()
            self._connections.add(connection)
        return connection

    def _close(self, connection: Connection) -> None:
        self._connections.discard(connection)
        with contextlib.suppress(sqlalchemy.exc.SQLAlchemyError):
            connection.invalidate()
        connection.close()

    def _judge(self, fn: Callable[..., Any], seconds: float) -> None:
        """Say which reads are slow: while a snapshot stands, the WAL cannot begin anew."""
        if seconds > SLOW_SECONDS:
            name = getattr(fn, "__qualname__", repr(fn))
            log.warning("a read held its snapshot for long", read=name, seconds=round(seconds, 1))


def refuse_facts(unit: UnitOfWork) -> None:
    """Refuse a read that stated events or gave signals.

    Raises:
        TypeError: It did.
    """
    if unit.stated or unit.signals:
        msg = "a read may not state events or give signals; use transact"
        raise TypeError(msg)
