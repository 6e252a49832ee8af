"""The store of the hub at scale: one PostgreSQL database, many processes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Final, TypeVar

from sqlalchemy import Engine, text
from sqlalchemy.engine import Connection

from hub.errors import Misconfigured, StoreConflict, StoreUnavailable
from hub.ports import Clock, Commit, Notice
from hub.store import faults, prepared
from hub.store.engine import is_unavailable
from hub.store.listeners import Listeners
from hub.store.locks import AdvisoryLocks, give_back
from hub.store.policies import PolicyReader
from hub.store.postgres_engine import Connections, connector, open_engine
from hub.store.postgres_wake import PostgresWake
from hub.store.readers import refuse_facts
from hub.store.train import compare
from hub.store.transaction import Origin, Projection, Transaction, UnitOfWork, by_type
from hub.telemetry import logger

T = TypeVar("T")

log = logger("store")

ATTEMPTS: Final = 5
"""How often a transaction is tried that met another one: a deadlock, or a row that was there already."""

WRITERS: Final = 8
READERS: Final = 4

_WRITE: Final = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
_READ: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_NEWEST_TRANSACTION: Final = text("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")
_NOT_RUNNING: Final = "the store is not running"
_READER: Final = Origin(cause="", by="read", actor="hub")


class PostgresStore:
    """Implements ``hub.ports.Store`` on PostgreSQL, for any number of processes.

    A transaction has a thread with a connection of its own. It runs READ COMMITTED: whoever reads before it writes
    says so by ``tx.lock``. Whoever is cancelled while waiting for ``transact`` does not know whether it was done.

    Attributes:
        broken: None: no thread of this store stops for good.
    """

    broken: BaseException | None = None

    def __init__(
        self,
        url: str,
        clock: Clock,
        *,
        projections: Iterable[Projection] = (),
        rehearse: bool = False,
        look_seconds: float = 1.0,
    ) -> None:
        """Prepare a store over an existing, migrated database; nothing is opened yet.

        Args:
            url: ``postgresql+psycopg://user:password@host:port/database``.
            clock: Gives each transaction its instant.
            projections: Tables that are built from events.
            rehearse: Run every function twice, the first time rolled back, to prove that it may run more than once.
            look_seconds: How often commits are looked for of which nobody told.
        """
        self._clock = clock
        self._policies = PolicyReader()
        self._projections = by_type(projections)
        self._engine = open_engine(url)
        self._writing, self._reading = Connections(self._engine), Connections(self._engine)
        self._rehearse = rehearse
        self._look_seconds = look_seconds
        self._listeners = Listeners()
        self._wake = PostgresWake(connector(url), self._listeners.tell_elsewhere)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._threads: tuple[ThreadPoolExecutor, ThreadPoolExecutor] | None = None
        self._looking: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[PostgresStore]:
        """Open the connections, then serve until the block ends.

        Raises:
            Misconfigured: The server's settings would lose what it confirmed.
        """
        await self.start()
        try:
            yield self
        finally:
            await self.stop()

    async def start(self) -> None:
        """Verify the server's settings, begin to listen; a server that is away is waited for by each caller."""
        self._loop = asyncio.get_running_loop()
        try:
            await asyncio.to_thread(self._verify)
        except Exception as error:
            if not is_unavailable(error):
                raise
            log.warning("the database cannot serve yet", error=type(error).__name__)
        self._threads = ThreadPoolExecutor(WRITERS, "hub-write"), ThreadPoolExecutor(READERS, "hub-read")
        await asyncio.to_thread(self._wake.start, self._loop)
        self._looking = asyncio.create_task(self._look_for_ever(), name="store-look")

    async def stop(self) -> None:
        """Finish waiting transactions, then close every connection."""
        threads, self._threads = self._threads, None
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        for pool in threads or ():
            await asyncio.to_thread(pool.shutdown)
        await asyncio.to_thread(self._wake.close)
        self._writing.close()
        self._reading.close()

    @property
    def engine(self) -> Engine:
        """The engine, for migrations or doctor."""
        return self._engine

    def on_commit(self, listener: Callable[[Commit], None]) -> None:
        """Call ``listener`` in the event loop after each commit that touched something."""
        self._listeners.add(listener)

    async def transact(self, fn: Callable[[UnitOfWork], T], *, name: str) -> T:
        """Run ``fn`` in a transaction; one that met another transaction runs again."""
        result: T = await self._submit(self._keep, fn, name)
        return result

    async def rehearse(self, fn: Callable[[UnitOfWork], T], *, name: str) -> T:
        """Run ``fn`` in a transaction that is rolled back whatever it did."""
        result: T = await self._submit(self._undo, fn, name)
        return result

    async def read(self, fn: Callable[[Transaction], T]) -> T:
        """Run ``fn`` on a snapshot."""
        if self._threads is None or self._loop is None:
            raise StoreUnavailable(_NOT_RUNNING)
        return await self._loop.run_in_executor(self._threads[1], self._read, fn)

    async def _submit(self, how: Callable[..., Any], fn: Callable[[UnitOfWork], Any], name: str) -> Any:
        if self._threads is None or self._loop is None:
            raise StoreUnavailable(_NOT_RUNNING)
        return await self._loop.run_in_executor(self._threads[0], self._with_patience, how, fn, name)

    def _with_patience(self, how: Callable[..., Any], fn: Callable[[UnitOfWork], Any], name: str) -> Any:
        """Run a transaction again that met another one, a few times."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return how(fn, name)
            except StopIteration as error:
                # No future can carry it: whoever awaits one would wait for ever.
                msg = f"{name} raised StopIteration"
                raise RuntimeError(msg) from error
            except Exception as error:
                if attempt < ATTEMPTS and faults.is_conflict(error):
                    log.info("a transaction met another one; it runs again", job=name, error=type(error).__name__)
                elif attempt == 1 and faults.is_taken(error):
                    # A row that somebody wrote since this one looked: now it sees it.
                    continue
                elif is_unavailable(error) or faults.is_conflict(error) or isinstance(error, Misconfigured):
                    msg = f"the database cannot serve now: {type(faults.original(error)).__name__}"
                    raise (StoreConflict if faults.is_conflict(error) else StoreUnavailable)(msg) from error
                else:
                    raise
        raise AssertionError(name)

    def _keep(self, fn: Callable[[UnitOfWork], Any], name: str) -> Any:
        connection = self._writing.begin(_WRITE)
        try:
            now, refused = self._clock.now(), set[int]()
            rehearsed = self._try(connection, fn, now, refused)[1] if self._rehearse else None
            unit = self._unit(connection, now, refused)
            result = _run(fn, unit)
            if rehearsed is not None:
                compare(name, rehearsed, unit)
            _refuse_failed(connection, name)
            prepared.command(connection, "COMMIT")
        finally:
            self._end(connection)
        self._announce(unit)
        return result

    def _undo(self, fn: Callable[[UnitOfWork], Any], name: str) -> Any:
        connection = self._writing.begin(_WRITE)
        try:
            return self._try(connection, fn, self._clock.now(), set())[0]
        finally:
            self._end(connection)

    def _end(self, connection: Connection) -> None:
        self._writing.end(connection)
        if self._rehearse and not connection.closed:
            give_back(connection)

    def _try(
        self, connection: Connection, fn: Callable[[UnitOfWork], Any], now: datetime, refused: set[int]
    ) -> tuple[Any, UnitOfWork]:
        """Run a function, then undo what it did, its locks included."""
        unit = self._unit(connection, now, refused)
        prepared.command(connection, "SAVEPOINT job")
        try:
            result = _run(fn, unit)
        finally:
            # Rules that were read here may be undone with it.
            self._policies.forget()
        prepared.command(connection, "ROLLBACK TO job")
        return result, unit

    def _read(self, fn: Callable[[Transaction], T]) -> T:
        try:
            connection = self._reading.begin(_READ)
            try:
                unit = UnitOfWork(connection, self._clock.now(), self._policies.load)
                result = fn(unit.begin(_READER))
                refuse_facts(unit)
            finally:
                self._reading.end(connection)
        except Exception as error:
            if not is_unavailable(error) and not isinstance(error, Misconfigured):
                raise
            msg = f"the database cannot be read now: {type(faults.original(error)).__name__}"
            raise StoreUnavailable(msg) from error
        return result

    def _unit(self, connection: Connection, now: datetime, refused: set[int]) -> UnitOfWork:
        locks = AdvisoryLocks(connection, lasting=self._rehearse, refused=refused)
        return UnitOfWork(connection, now, self._policies.load, self._projections, locks=locks)

    def _verify(self) -> None:
        with self._engine.connect():
            pass

    def _announce(self, unit: UnitOfWork) -> None:
        notices = tuple(Notice(one.event.partitionkey, one.event.type, one.event.subject) for one in unit.stated)
        if notices or unit.signals:
            self._wake.tell()
            # A loop that closed has nobody left to tell.
            with contextlib.suppress(RuntimeError):
                if self._loop is not None:
                    self._loop.call_soon_threadsafe(self._listeners.tell, Commit(notices, frozenset(unit.signals)))

    async def _look_for_ever(self) -> None:
        """Look for commits of which nobody told: whoever made them died before it could.

        Our own cannot be told from those of others, so while this process writes it looks in vain.
        """
        seen: str | None = None
        while True:
            with contextlib.suppress(StoreUnavailable):
                newest = await self.read(_newest_transaction)
                if seen is not None and newest != seen:
                    self._listeners.tell_elsewhere()
                seen = newest
            await asyncio.sleep(self._look_seconds)


def _run(fn: Callable[[UnitOfWork], Any], unit: UnitOfWork) -> Any:
    result = fn(unit)
    unit.flush()
    return result


def _refuse_failed(connection: Connection, name: str) -> None:
    """Refuse to commit a transaction in which a statement failed: the server would roll it back without a word."""
    driver: Any = connection.connection.driver_connection
    if driver.has_failed:
        msg = f"{name} went on after a statement had failed; let the error pass, or look before"
        raise RuntimeError(msg)


def _newest_transaction(tx: Transaction) -> str:
    row = tx.one(_NEWEST_TRANSACTION)
    return "" if row is None else str(row[0])
