"""The store of the embedded hub: one SQLite file, one writer thread."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import Engine
from sqlalchemy.engine import Connection

from hub.errors import StoreUnavailable
from hub.ports import Clock, Commit, Notice
from hub.store.engine import is_unavailable, open_engine
from hub.store.policies import PolicyReader
from hub.store.train import Job, Train
from hub.store.transaction import Origin, Projection, Transaction, UnitOfWork

T = TypeVar("T")

READERS: Final = 2
CHECKPOINT_BYTES: Final = 64 * 1024 * 1024
READ_ORIGIN: Final = Origin(cause="", by="read", actor="hub")


class SqliteStore:
    """Implements ``hub.ports.Store`` on SQLite (WAL, synchronous=FULL).

    Every wait is the database's own: nothing sleeps in the writer thread.
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
        self._clock = clock
        self._policies = PolicyReader()
        self._projections: dict[str, list[Projection]] = {}
        for projection in projections:
            for type_ in projection.types:
                self._projections.setdefault(type_, []).append(projection)
        self._engine = open_engine(path)
        self._read_engine = open_engine(path, writable=False)
        self._train = Train(self._engine, self._unit, clock, rehearse=rehearse)
        self._jobs: deque[Job] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._listeners: list[Callable[[Commit], None]] = []
        self._thread: threading.Thread | None = None
        self._readers: ThreadPoolExecutor | None = None
        self._local = threading.local()
        self._reader_connections: list[Connection] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._look_seconds = look_seconds
        self._looker: asyncio.Task[None] | None = None
        self._settled: list[tuple[Job, asyncio.Future[Any]]] = []

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[SqliteStore]:
        """Open the connections, then serve until the block ends."""
        await self.start()
        try:
            yield self
        finally:
            await self.stop()

    async def start(self) -> None:
        """Open connections, start the writer."""
        self._loop = asyncio.get_running_loop()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="hub-read")
        self._thread = threading.Thread(target=self._write_for_ever, name="hub-write", daemon=True)
        self._thread.start()
        self._looker = asyncio.create_task(self._look_for_others(), name="store-look")

    async def stop(self) -> None:
        """Finish waiting jobs, then close every connection."""
        if self._looker is not None:
            self._looker.cancel()
            await asyncio.gather(self._looker, return_exceptions=True)
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)
        if self._readers is not None:
            await asyncio.to_thread(self._readers.shutdown)
        for connection in self._reader_connections:
            connection.close()
        self._reader_connections.clear()
        self._engine.dispose()
        self._read_engine.dispose()

    @property
    def engine(self) -> Engine:
        """The writing engine, for migrations or doctor."""
        return self._engine

    @property
    def slow_jobs(self) -> Sequence[tuple[str, float]]:
        """Jobs that held the writer thread for more than 50 ms of CPU, by name."""
        return self._train.slow

    def on_commit(self, listener: Callable[[Commit], None]) -> None:
        """Call ``listener`` in the event loop after each commit that touched something."""
        self._listeners.append(listener)

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
        if self._readers is None or self._loop is None:
            msg = "the store is not running"
            raise StoreUnavailable(msg)
        return await self._loop.run_in_executor(self._readers, self._read, fn)

    async def _submit(self, fn: Callable[[UnitOfWork], Any], name: str, *, rehearsal: bool) -> Any:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()

        def settle(job: Job) -> None:
            self._settled.append((job, future))

        job = Job(fn, name, settle, rehearsal)
        with self._wake:
            if self._closing:
                msg = "the store is closing"
                raise StoreUnavailable(msg)
            self._jobs.append(job)
            self._wake.notify()
        return await future

    def _read(self, fn: Callable[[Transaction], T]) -> T:
        connection = self._reader()
        try:
            connection.exec_driver_sql("BEGIN")
            unit = self._unit(connection, self._clock.now())
            return fn(unit.begin(READ_ORIGIN))
        except Exception as error:
            if not is_unavailable(error):
                raise
            msg = "the database cannot be read now"
            raise StoreUnavailable(msg) from error
        finally:
            if connection.connection.driver_connection.in_transaction:  # type: ignore[union-attr]
                connection.exec_driver_sql("ROLLBACK")

    def _reader(self) -> Connection:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._read_engine.connect()
            self._local.connection = connection
            self._reader_connections.append(connection)
        return connection

    def _unit(self, connection: Connection, now: Any) -> UnitOfWork:
        return UnitOfWork(connection, now, self._policies.load, self._projections)

    def _write_for_ever(self) -> None:
        try:
            while True:
                with self._wake:
                    while not self._jobs and not self._closing:
                        self._wake.wait()
                    if not self._jobs:
                        break
                    jobs = list(self._jobs)
                    self._jobs.clear()
                left = self._train.run(jobs)
                with self._wake:
                    self._jobs.extendleft(reversed(left))
                self._announce()
                self._keep_wal_small()
        finally:
            self._train.close()

    def _announce(self) -> None:
        settled, self._settled = self._settled, []
        notices = tuple(
            Notice(stated.event.partitionkey, stated.event.type, stated.event.subject)
            for job, _ in settled
            if job.error is None
            for stated in job.stated
        )
        signals = frozenset[str]().union(*(job.signals for job, _ in settled if job.error is None))
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._deliver, settled, Commit(notices, signals))

    def _deliver(self, settled: list[tuple[Job, asyncio.Future[Any]]], commit: Commit) -> None:
        for job, future in settled:
            if future.cancelled():
                continue
            if job.error is not None:
                future.set_exception(job.error)
            else:
                future.set_result(job.result)
        if commit.notices or commit.signals:
            for listener in self._listeners:
                listener(commit)

    def _keep_wal_small(self) -> None:
        wal = self.path.with_name(self.path.name + "-wal")
        with contextlib.suppress(FileNotFoundError):
            if wal.stat().st_size > CHECKPOINT_BYTES:
                self._train.checkpoint()

    async def _look_for_others(self) -> None:
        """Tell the listeners when another process committed: the data version of the writing connection."""
        seen: int | None = None
        while True:
            try:
                version = await self.transact(_data_version, name="store.look")
            except StoreUnavailable:
                version = None
            if version is not None and seen is not None and version != seen:
                for listener in self._listeners:
                    listener(Commit((), frozenset({"elsewhere"})))
            seen = seen if version is None else version
            await asyncio.sleep(self._look_seconds)


def _data_version(unit: UnitOfWork) -> int:
    return int(unit.connection.exec_driver_sql("PRAGMA data_version").scalar_one())
