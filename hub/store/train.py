"""The commit train: waiting jobs share one durable commit, each in a savepoint of its own."""

from __future__ import annotations

import gc
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import Engine
from sqlalchemy.engine import Connection

from hub.errors import StoreUnavailable
from hub.ports import Clock
from hub.store import prepared
from hub.store.engine import in_transaction, is_unavailable
from hub.store.transaction import Stated, UnitOfWork
from hub.telemetry import logger

log = logger("store")

TRAIN_SECONDS: Final = 0.020
SLOW_JOB_SECONDS: Final = 0.050
_SLOW_KEPT: Final = 100


class _Collections(threading.local):
    """CPU seconds that full collections of garbage took of this thread: they strike any job, by no fault of its own."""

    begun: float = 0.0
    seconds: float = 0.0

    def watch(self, phase: Literal["start", "stop"], info: dict[str, int]) -> None:
        if info["generation"] < _FULL:
            return
        if phase == "start":
            self.begun = time.thread_time()
        else:
            self.seconds += time.thread_time() - self.begun


_FULL: Final = 2
_collections: Final = _Collections()
gc.callbacks.append(_collections.watch)


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
        rolled_back: Told when something a job may have read is undone: what was remembered of it is wrong.
        rehearse: Run every job twice, the first time rolled back, to prove that it may run more than once.
        slow: The latest jobs that took more than 50 ms of CPU, full collections left out, by name with the seconds.
    """

    engine: Engine
    unit: Callable[[Connection, datetime], UnitOfWork]
    clock: Clock
    rolled_back: Callable[[], None] = lambda: None
    rehearse: bool = False
    slow: deque[tuple[str, float]] = field(default_factory=lambda: deque(maxlen=_SLOW_KEPT))
    _connection: Connection | None = None

    def run(self, jobs: Sequence[Job]) -> Sequence[Job]:
        """Take jobs for about 20 ms, commit, settle them; return those that were not taken.

        No job is settled before the commit. When the transaction is lost on the way nobody is answered from it:
        each job runs again alone.
        """
        taken = 0
        started = self.clock.monotonic()
        try:
            self._execute("BEGIN IMMEDIATE")
            while taken < len(jobs) and (not taken or self.clock.monotonic() - started < TRAIN_SECONDS):
                taken += 1
                self._run_one(jobs[taken - 1])
            self._execute("COMMIT")
        except BaseException as error:  # noqa: BLE001 - whatever broke the train, no job may be answered from it
            self.abandon()
            if taken > 1:
                self._run_alone(jobs[:taken])
            else:
                # Without even a transaction the others would only wait for the same refusal, each as long.
                refuse(jobs[: taken or None], error)
                taken = taken or len(jobs)
            return jobs[taken:]
        for job in jobs[:taken]:
            job.settle(job)
        return jobs[taken:]

    def _run_alone(self, jobs: Sequence[Job]) -> None:
        for number, job in enumerate(jobs):
            try:
                self._execute("BEGIN IMMEDIATE")
            except BaseException as error:  # noqa: BLE001 - as above
                self.abandon()
                refuse(jobs[number:], error)
                return
            try:
                self._run_one(job)
                self._execute("COMMIT")
            except BaseException as error:  # noqa: BLE001 - as above
                self.abandon()
                refuse([job], error)
            else:
                job.settle(job)

    def abandon(self) -> None:
        """Drop the connection: a new one recovers from the file, whatever state this one is in."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()
        self.rolled_back()

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

    def _execute(self, sql: str) -> None:
        prepared.command(self.connection, sql)

    def _run_one(self, job: Job) -> None:
        now = self.clock.now()
        job.error = None
        try:
            rehearsed = self._attempt(job, now, keep=False) if self.rehearse or job.rehearsal else None
            if not job.rehearsal:
                self._attempt(job, now, keep=True, rehearsed=rehearsed)
        except BaseException as error:
            if is_unavailable(error) or not in_transaction(self.connection):
                raise
            # A future refuses to carry it, which would leave every other job of the train without its answer.
            job.error = RuntimeError(f"{job.name} raised StopIteration") if isinstance(error, StopIteration) else error
            job.result = None
            job.stated, job.signals = [], set()

    def _attempt(self, job: Job, now: datetime, *, keep: bool, rehearsed: UnitOfWork | None = None) -> UnitOfWork:
        unit = self.unit(self.connection, now)
        cpu, collected = time.thread_time(), _collections.seconds
        self._execute("SAVEPOINT job")
        try:
            job.result = job.fn(unit)
            unit.flush()
            if rehearsed is not None:
                compare(job.name, rehearsed, unit)
        except BaseException:
            if in_transaction(self.connection):
                self._undo()
            raise
        finally:
            self._judge(job.name, time.thread_time() - cpu - (_collections.seconds - collected))
        if keep:
            self._execute("RELEASE job")
            job.stated, job.signals = unit.stated, unit.signals
        else:
            self._undo()
        return unit

    def _undo(self) -> None:
        self._execute("ROLLBACK TO job")
        self._execute("RELEASE job")
        self.rolled_back()

    def _judge(self, name: str, seconds: float) -> None:
        if seconds > SLOW_JOB_SECONDS:
            self.slow.append((name, seconds))
            log.warning("a job held the writer", job=name, cpu_milliseconds=round(seconds * 1000))


def refuse(jobs: Sequence[Job], error: BaseException) -> None:
    """Settle jobs of which nothing was committed."""
    for job in jobs:
        job.result = None
        job.stated, job.signals = [], set()
        job.error = StoreUnavailable(f"the database cannot serve now: {type(error).__name__}")
        job.error.__cause__ = error
        job.settle(job)


def compare(name: str, first: UnitOfWork, second: UnitOfWork) -> None:
    """Refuse a function that did not state the same when it ran again.

    Raises:
        RehearsalDiffered: It did not.
    """
    before = [(stated.event.id, stated.data_json) for stated in first.stated]
    after = [(stated.event.id, stated.data_json) for stated in second.stated]
    if before != after:
        msg = f"{name} stated something else when it ran again; it must derive everything from its cause"
        raise RehearsalDiffered(msg)
