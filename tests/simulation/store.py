"""The real SQLite store, run by virtual time instead of threads, on a database that fails when told to."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import Connection

from hub.ports import Clock, Commit
from hub.store.engine import is_unavailable
from hub.store.readers import Readers
from hub.store.sqlite import SqliteStore
from hub.store.train import Train
from tests.simulation.knock import Knock
from tests.simulation.world import Killed

if TYPE_CHECKING:
    from tests.simulation.life import Life


class SimulatedStore(SqliteStore):
    """Takes waiting jobs in one turn, as the writer's thread does."""

    def __init__(self, life: Life, path: Path, clock: Clock, **given: Any) -> None:
        """Keep the database of one life."""
        super().__init__(path, clock, **given)
        self._life = life
        ticking = _Ticking(clock, life)
        self._train = FragileTrain(self._engine, self._unit, ticking, self._policies.forget, life=life)
        self._readers = FragileReaders(life, self._readers._engine, self._unit, clock)
        self._knock = self._wake = Knock(life, self._turn)

    async def start(self) -> None:
        """Begin to serve."""
        self._loop = asyncio.get_running_loop()
        try:
            self._look()
        except Exception as error:
            if not is_unavailable(error):
                raise
        self._readers.start()
        self._thread = threading.current_thread()

    async def stop(self) -> None:
        """Finish waiting jobs, then close every connection."""
        self._closing = True
        while self._jobs:  # noqa: ASYNC110 - the real one waits for a thread
            await asyncio.sleep(0.01)
        self._train.close()
        self._readers.stop()
        self._engine.dispose()

    def on_commit(self, listener: Callable[[Commit], None]) -> None:
        """Tell of commits, unless the word gets lost."""

        def told(commit: Commit) -> None:
            if not self._life.trouble("deaf"):
                listener(commit)

        super().on_commit(told)

    def _turn(self) -> None:
        jobs = list(self._jobs)
        self._jobs.clear()
        if jobs:
            left = self._train.run(jobs)
            if self._life.dead:
                raise Killed
            self._jobs.extendleft(reversed(left))
            self._note([job for job, _ in self._settled])
            self._announce()
        self._keep_house()
        if self._jobs:
            self._knock.notify()

    def _note(self, settled: list[Any]) -> None:
        for job in settled:
            error = "" if job.error is None else type(job.error).__name__
            stated = ",".join(f"{one.event.type[4:]}:{one.event.id[3:9]}" for one in job.stated)
            self._life.world.note("commit", job.name, error, stated)
            if job.name == "effects.lease":
                self._life.lease(held=not error)


@dataclass(slots=True)
class FragileTrain(Train):
    """A train on a database that may refuse to begin, or to commit, before it is durable or after."""

    life: Any = None

    def _execute(self, sql: str) -> None:
        life: Life = self.life
        if life.dead:
            raise Killed
        if (sql == "BEGIN IMMEDIATE" and life.trouble("begin")) or (sql == "COMMIT" and life.trouble("commit")):
            raise _unavailable()
        # Spelled out: in a dataclass with slots the bare super() speaks of the class as it was without them.
        Train._execute(self, sql)
        if sql == "COMMIT" and life.trouble("commit after"):
            raise _unavailable()


class FragileReaders(Readers):
    """Readers of a database that may refuse to be read."""

    def __init__(self, life: Life, *args: Any) -> None:
        """Read for one life."""
        super().__init__(*args)
        self._life = life

    def _connection(self) -> Connection:
        if self._life.dead:
            raise Killed
        if self._life.trouble("read"):
            raise _unavailable()
        return super()._connection()


class _Ticking:
    """A clock by which work takes time, so that trains end after more or fewer jobs."""

    def __init__(self, clock: Clock, life: Life) -> None:
        self._clock = clock
        self._step = life.world.chance("train").choice((0.0, 0.004, 0.03))
        self._ticks = itertools.count()
        self.now = clock.now

    def monotonic(self) -> float:
        """Return seconds that go on with each look."""
        return self._clock.monotonic() + next(self._ticks) * self._step


def _unavailable() -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR
    return error
