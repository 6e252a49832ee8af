"""The commit train: waiting jobs share one durable commit, each in a savepoint of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Engine
from sqlalchemy.engine import Connection

from hub.errors import StoreUnavailable
from hub.ports import Clock
from hub.store.engine import is_unavailable
from hub.store.transaction import Stated, UnitOfWork

TRAIN_SECONDS: Final = 0.020
SLOW_JOB_SECONDS: Final = 0.050


class RehearsalDiffered(AssertionError):
    """A function stated something else when it ran a second time."""


@dataclass(slots=True)
class Job:
    """One function waiting for its transaction.

    ``settle`` is called once, with what the commit says of the job; a rehearsal never commits.
    """

    fn: Callable[[UnitOfWork], Any]
    name: str
    settle: Callable[[Job], None]
    rehearsal: bool = False
    result: Any = None
    error: BaseException | None = None
    stated: list[Stated] = field(default_factory=list)
    signals: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Train:
    """Runs jobs on the sole writing connection; used by one thread at a time.

    Attributes:
        unit: Makes the unit of work of one run of a job.
        rehearse: Run every job twice, the first time rolled back, to prove that it may run more than once.
        slow: Names of jobs that took more than 50 ms of the thread's CPU, with the seconds.
    """

    engine: Engine
    unit: Callable[[Connection, datetime], UnitOfWork]
    clock: Clock
    rehearse: bool = False
    slow: list[tuple[str, float]] = field(default_factory=list)
    _connection: Connection | None = None

    def run(self, jobs: list[Job]) -> list[Job]:
        """Take jobs for about 20 ms, commit, settle them; return those that were not taken.

        No job is settled before the commit. When the transaction is lost on the way nobody is answered from it:
        each job runs again alone.
        """
        started = self.clock.monotonic()
        taken: list[Job] = []
        try:
            self._begin()
            while jobs and (not taken or self.clock.monotonic() - started < TRAIN_SECONDS):
                job = jobs.pop(0)
                taken.append(job)
                self._run_one(job)
            self._execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - whatever broke the train, no job may be answered from it
            self._abandon()
            if len(taken) <= 1:
                self._refuse(taken or jobs, error)
                jobs = jobs if taken else []
            else:
                for job in taken:
                    self.run([job])
            return jobs
        for job in taken:
            job.settle(job)
        return jobs

    def close(self) -> None:
        """Close the connection, moving the WAL into the database."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def connection(self) -> Connection:
        """The sole writing connection."""
        if self._connection is None:
            self._connection = self.engine.connect()
        return self._connection

    def checkpoint(self) -> None:
        """Move the WAL into the database, so that it cannot grow for ever."""
        self._execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _begin(self) -> None:
        self._execute("BEGIN IMMEDIATE")

    def _execute(self, sql: str) -> None:
        self.connection.exec_driver_sql(sql)

    def _run_one(self, job: Job) -> None:
        cpu = time.thread_time()
        now = self.clock.now()
        job.error = None
        try:
            if self.rehearse and not job.rehearsal:
                first = self._attempt(job, now, keep=False)
                second = self._attempt(job, now, keep=True)
                _compare(job.name, first, second)
            else:
                self._attempt(job, now, keep=not job.rehearsal)
        except Exception as error:
            if is_unavailable(error) or not self._in_transaction():
                raise
            job.error = error
        spent = time.thread_time() - cpu
        if spent > SLOW_JOB_SECONDS:
            self.slow.append((job.name, spent))

    def _attempt(self, job: Job, now: datetime, *, keep: bool) -> UnitOfWork:
        unit = self.unit(self.connection, now)
        self._execute("SAVEPOINT job")
        try:
            job.result = job.fn(unit)
            unit.flush()
        except BaseException:
            if self._in_transaction():
                self._execute("ROLLBACK TO job")
                self._execute("RELEASE job")
            raise
        if not keep:
            self._execute("ROLLBACK TO job")
        self._execute("RELEASE job")
        job.stated, job.signals = (unit.stated, unit.signals) if keep else ([], set())
        return unit

    def _in_transaction(self) -> bool:
        return bool(self.connection.connection.driver_connection.in_transaction)  # type: ignore[union-attr]

    def _abandon(self) -> None:
        """Drop the connection: a new one recovers from the file, whatever state this one is in."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()

    @staticmethod
    def _refuse(jobs: list[Job], error: Exception) -> None:
        for job in jobs:
            job.result = None
            job.stated, job.signals = [], set()
            job.error = StoreUnavailable(f"the database cannot serve now: {type(error).__name__}")
            job.error.__cause__ = error
            job.settle(job)


def _compare(name: str, first: UnitOfWork, second: UnitOfWork) -> None:
    before = [(stated.event.id, stated.data_json) for stated in first.stated]
    after = [(stated.event.id, stated.data_json) for stated in second.stated]
    if before != after:
        msg = f"{name} stated something else when it ran again; it must derive everything from its cause"
        raise RehearsalDiffered(msg)
