"""Keeps the write-ahead log from growing for ever."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy.engine import Connection

from hub.ports import Clock
from hub.store.engine import BUSY_MILLISECONDS
from hub.telemetry import logger, metrics

log = logger("store")

CHECKPOINT_BYTES: Final = 64 * 1024 * 1024
ALARM_BYTES: Final = 512 * 1024 * 1024
_RETRY_SECONDS: Final = 1.0


class WalKeeper:
    """Moves a large WAL into the database, without ever waiting for a reader that is in the way."""

    def __init__(self, path: Path, clock: Clock, *, checkpoint_bytes: int = CHECKPOINT_BYTES) -> None:
        """Watch the WAL of the database at ``path``."""
        self._wal = path.with_name(path.name + "-wal")
        self._clock = clock
        self._checkpoint_bytes = checkpoint_bytes
        self._tried_at = float("-inf")

    def keep_small(self, connection: Connection) -> None:
        """Check the size; outside any transaction."""
        try:
            size = self._wal.stat().st_size
        except FileNotFoundError:
            size = 0
        metrics.wal_bytes.set(size)
        now = self._clock.monotonic()
        if size <= self._checkpoint_bytes or now - self._tried_at < _RETRY_SECONDS:
            return
        self._tried_at = now
        # With its time-out SQLite would hold the writer for five seconds while a reader keeps its snapshot.
        connection.exec_driver_sql("PRAGMA busy_timeout=0")
        try:
            busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
        finally:
            connection.exec_driver_sql(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
        if busy and size > ALARM_BYTES:
            log.error("a reader keeps the WAL from being emptied", wal_bytes=size)
