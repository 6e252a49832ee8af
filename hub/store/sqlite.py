"""The store of the embedded hub: one SQLite file, one writer thread."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Engine
from sqlalchemy.engine import Connection

from hub.errors import StoreUnavailable
from hub.ports import Clock, Commit, Notice
from hub.store.engine import is_unavailable, open_engine
from hub.store.listeners import Listeners
from hub.store.policies import PolicyReader
from hub.store.readers import Readers
from hub.store.train import Job, Train, refuse
from hub.store.transaction import Projection, Transaction, UnitOfWork, by_type
from hub.store.wake import WAKE, Wake, WakeSignal
from hub.store.wal import WalKeeper
from hub.telemetry import logger

T = TypeVar("T")

log = logger("store")


class SqliteStore:
    """Implements ``hub.ports.Store`` on SQLite (WAL, synchronous=FULL).

    Every wait is the database's own: nothing sleeps in the writer thread. Whoever is cancelled while waiting for
    ``transact`` does not know whether it was done.

    Attributes:
        broken: What stopped the writer for good, a bug; None while all is well.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        projections: Iterable[Projection] = (),
        rehearse: bool = False,
        look_seconds: float = 0.25,
    ) -> None:
        """Prepare a store over an existing, migrated file; nothing is opened yet."""
        self.path = path
        self.broken: BaseException | None = None
        self._policies = PolicyReader()
        self._projections = by_type(projections)
        self._engine = open_engine(path)
        self._train = Train(self._engine, self._unit, clock, self._policies.forget, rehearse=rehearse)
        self._readers = Readers(open_engine(path, writable=False), self._unit, clock)
        self._wal = WalKeeper(path, clock)
        self._wake_others = Wake(path.parent / WAKE)
        self._look_seconds = look_seconds
        self._looked: tuple[Connection, int] | None = None
        self._jobs: deque[Job] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._listeners = Listeners()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._settled: list[tuple[Job, asyncio.Future[Any]]] = []

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[SqliteStore]:
        """Open the connections, then serve until the block ends.

        Raises:
            Misconfigured: The file system does not grant what durability needs.
        """
        await self.start()
        try:
            yield self
        finally:
            await self.stop()

    async def start(self) -> None:
        """Verify the settings on the writing connection, start the writer."""
        self._loop = asyncio.get_running_loop()
        try:
            await asyncio.to_thread(self._look)
        except Exception as error:
            if not is_unavailable(error):
                raise
            # A busy moment at the start is no reason to give up: each job finds out for itself.
            log.warning("the database cannot serve yet", error=type(error).__name__)
        self._readers.start()
        self._wake_others.listen(self._loop, self._woken)
        self._thread = threading.Thread(target=self._write_for_ever, name="hub-write", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Finish waiting jobs, then close every connection."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)
        self._wake_others.close()
        await asyncio.to_thread(self._readers.stop)
        self._engine.dispose()

    @property
    def engine(self) -> Engine:
        """The writing engine, for migrations or doctor."""
        return self._engine

    @property
    def slow_jobs(self) -> Sequence[tuple[str, float]]:
        """The latest jobs that held the writer thread for more than 50 ms of CPU, by name."""
        return list(self._train.slow)

    def on_commit(self, listener: Callable[[Commit], None]) -> None:
        """Call ``listener`` in the event loop after each commit that touched something."""
        self._listeners.add(listener)

    async def transact(self, fn: Callable[[UnitOfWork], T], *, name: str) -> T:
        """Run ``fn`` in the next commit train."""
        result: T = await self._submit(fn, name, rehearsal=False)
        return result

    async def rehearse(self, fn: Callable[[UnitOfWork], T], *, name: str) -> T:
        """Run ``fn`` in a train, rolled back to its savepoint whatever it did."""
        result: T = await self._submit(fn, name, rehearsal=True)
        return result

    async def read(self, fn: Callable[[Transaction], T]) -> T:
        """Run ``fn`` on a snapshot of its own connection."""
        return await self._readers.read(fn)

    async def _submit(self, fn: Callable[[UnitOfWork], Any], name: str, *, rehearsal: bool) -> Any:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def settle(job: Job) -> None:
            self._settled.append((job, future))

        with self._wake:
            if self._closing or self._thread is None:
                msg = "the store is not running"
                raise StoreUnavailable(msg)
            self._jobs.append(Job(fn, name, settle, rehearsal))
            self._wake.notify()
        return await future

    def _unit(self, connection: Connection, now: datetime) -> UnitOfWork:
        return UnitOfWork(connection, now, self._policies.load, self._projections)

    def _write_for_ever(self) -> None:
        jobs: Sequence[Job] = ()
        try:
            while True:
                with self._wake:
                    if not self._jobs and not self._closing:
                        self._wake.wait(self._look_seconds)
                    if self._closing and not self._jobs:
                        break
                    jobs = list(self._jobs)
                    self._jobs.clear()
                if jobs:
                    left, jobs = self._train.run(jobs), ()
                    with self._wake:
                        self._jobs.extendleft(reversed(left))
                    self._announce()
                self._keep_house()
        except BaseException as error:
            log.critical("the writer stopped; start the hub again", exc_info=True)
            with self._wake:
                self._closing, self.broken = True, error
            refuse([*jobs, *self._jobs], error)
            self._announce()
        finally:
            self._train.close()

    def _keep_house(self) -> None:
        """Look for commits of other processes, keep the WAL small; neither may cost a job its answer."""
        try:
            if self._look():
                self._call_soon(self._listeners.tell_elsewhere)
            self._wal.keep_small(self._train.connection)
        except Exception as error:
            if not is_unavailable(error):
                raise
            self._train.abandon()

    def _look(self) -> bool:
        """Tell whether another process may have committed since the last look."""
        connection = self._train.connection
        version = int(connection.exec_driver_sql("PRAGMA data_version").scalar_one())
        # The number speaks of one connection only: after a new one nobody can say, so the answer is yes.
        before, self._looked = self._looked, (connection, version)
        return before != self._looked

    def _announce(self) -> None:
        settled, self._settled = self._settled, []
        done = [job for job, _ in settled if job.error is None]
        notices = tuple(
            Notice(stated.event.partitionkey, stated.event.type, stated.event.subject)
            for job in done
            for stated in job.stated
        )
        commit = Commit(notices, frozenset[str]().union(*(job.signals for job in done)))
        self._call_soon(self._deliver, settled, commit)
        if notices or commit.signals:
            self._wake_others.tell("elsewhere")

    def _call_soon(self, function: Callable[..., None], *args: object) -> None:
        # A loop that closed has nobody left to tell.
        with contextlib.suppress(RuntimeError):
            if self._loop is not None:
                self._loop.call_soon_threadsafe(function, *args)

    def _deliver(self, settled: list[tuple[Job, asyncio.Future[Any]]], commit: Commit) -> None:
        for job, future in settled:
            if future.done():
                continue
            if job.error is not None:
                future.set_exception(job.error)
            else:
                future.set_result(job.result)
        if commit.notices or commit.signals:
            self._listeners.tell(commit)

    def _woken(self, signal: WakeSignal) -> None:
        self._listeners.tell(Commit((), frozenset({signal})))
