"""The real journal writer, run by virtual time instead of a thread, on a disk that fails when told to."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, Final

from hub.pipeline.journal import JournalWriter, segment, writer
from tests.simulation.knock import Knock
from tests.simulation.world import Killed

if TYPE_CHECKING:
    from tests.simulation.life import Life

_RETRY_SECONDS: Final = 1.0


class SimulatedJournal(JournalWriter):
    """Takes what waits in one turn, as the thread does."""

    def __init__(self, life: Life, *args: Any, **given: Any) -> None:
        """Write the journal of one life."""
        super().__init__(*args, **given)
        self._life = life
        self._knock = self._wake = Knock(life, self._turn)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[JournalWriter]:
        """Open a segment, then serve until the block ends."""
        self._loop = asyncio.get_running_loop()
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        await asyncio.to_thread(self._try_open)
        self._knock.notify()
        try:
            yield self
        finally:
            self._closing = True
            while self._queue:  # noqa: ASYNC110 - the real one waits for a thread
                await asyncio.sleep(0.01)
            self.ready = False
            writer._close(self._connection)

    def _turn(self) -> None:
        batch = list(self._queue)
        self._queue.clear()
        if batch:
            self._life.world.note("journal", len(batch))
            self._write(batch)
        elif not self.ready and not self._closing:
            self._try_open()
        if not self.ready and not self._closing:
            self._knock.notify_in(_RETRY_SECONDS)


class FragileConnection:
    """A segment's writing connection on a disk that may refuse a commit, before it is durable or after."""

    def __init__(self, life: Life, connection: sqlite3.Connection) -> None:
        """Stand before the real one."""
        self._life = life
        self._connection = connection

    def execute(self, sql: str) -> Any:
        """Execute, unless the disk fails."""
        if self._life.dead:
            raise Killed
        if sql != "COMMIT":
            return self._connection.execute(sql)
        if self._life.trouble("journal"):
            raise _broken_disk()
        self._connection.execute(sql)
        if self._life.trouble("journal after"):
            raise _broken_disk()
        return None

    def executemany(self, sql: str, rows: Any) -> Any:
        """Execute once a row."""
        return self._connection.executemany(sql, rows)

    def close(self) -> None:
        """Close the real one."""
        self._connection.close()


def opener(life: Callable[[], Life]) -> Callable[[segment.SegmentFile], Any]:
    """Return what opens a segment for writing."""
    return lambda file: FragileConnection(life(), segment.open_for_writing(file))


def free_bytes(life: Callable[[], Life]) -> Callable[[Any], int]:
    """Return what tells how much of the disk is free."""
    return lambda _: 0 if life().trouble("journal full") else 2**40


def _broken_disk() -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR
    return error
