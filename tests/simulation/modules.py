"""Puts simulated parts where the hub looks for the machine's own."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final
from unittest import mock

import structlog

from hub import bootstrap, discovery, killpoints, working
from hub.pipeline import pace, timers
from hub.pipeline.consumer import upkeep
from hub.pipeline.effects import lane
from hub.pipeline.effects import worker as effect_worker
from hub.pipeline.ingest import ingester
from hub.pipeline.journal import writer
from hub.store import sqlite, train
from tests.simulation import journal
from tests.simulation.store import SimulatedStore

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation

_IDLE_SECONDS: Final = 4.0
"""How often a part that waits looks up by itself: each idle look costs a seed more than the work it finds."""


@contextlib.contextmanager
def simulated(simulation: Simulation) -> Iterator[None]:
    """Let the hub run in a simulation until the block ends; silent, since its log would bury everything else."""

    def life() -> Any:
        return simulation.life

    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with contextlib.ExitStack() as stack:
        for place, name, part in (
            (killpoints, "reached", simulation.reached),
            (discovery, "handlers", simulation.groups.handlers),
            (bootstrap, "JournalWriter", lambda *a, **k: journal.SimulatedJournal(life(), *a, **k)),
            (bootstrap, "SqliteStore", lambda *a, **k: SimulatedStore(life(), *a, **k)),
            (working, "_warm_up", lambda *_: None),
            (bootstrap, "Wake", _NobodyElse),
            (sqlite, "Wake", _NobodyElse),
            (writer, "open_for_writing", journal.opener(life)),
            (writer, "free_bytes", journal.free_bytes(life)),
            (writer, "threading", SimpleNamespace(Condition=threading.Condition, Thread=_AtOnce)),
            (ingester, "ThreadPoolExecutor", _Inline),
            # Only to say which job was slow; asked of the machine it is a sixth of a seed's time.
            (train, "time", SimpleNamespace(thread_time=lambda: 0.0)),
            (timers, "_LONGEST_SLEEP_SECONDS", _IDLE_SECONDS),
            (effect_worker, "_LOOK_SECONDS", _IDLE_SECONDS),
            (lane, "_IDLE_SECONDS", _IDLE_SECONDS),
            (upkeep, "_LONGEST_TICK_SECONDS", _IDLE_SECONDS),
        ):
            stack.enter_context(mock.patch.object(place, name, part))
        costs = _cost_of_work(simulation.world.chance("pace").random)
        stack.enter_context(mock.patch.dict(pace.Pace.__init__.__kwdefaults__ or {}, {"cpu_seconds": costs}))
        try:
            yield
        finally:
            structlog.configure(**before)


def _cost_of_work(random: Callable[[], float]) -> Callable[[], float]:
    """Return CPU seconds that go on by chance: batches come out small or large, the same for the same seed."""
    spent = 0.0

    def cpu_seconds() -> float:
        nonlocal spent
        spent += random() ** 6 * 0.05
        return spent

    return cpu_seconds


class _NobodyElse:
    """Stands in for the wake-up socket: no other process has the data directory."""

    def __init__(self, directory: Any) -> None: ...

    def listen(self, loop: Any, told: Any) -> None: ...

    def tell(self, signal: str) -> None: ...

    def close(self) -> None: ...


class _AtOnce:
    """A thread that is over as soon as it starts."""

    def __init__(self, target: Callable[..., Any], args: tuple[Any, ...] = (), **_: Any) -> None:
        self._work = (target, args)

    def start(self) -> None:
        target, args = self._work
        target(*args)


class _Inline(Executor):
    """A pool whose work is done when it was submitted."""

    def __init__(self, *_: Any) -> None: ...

    def submit(self, fn: Callable[..., Any], /, *args: Any, **given: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **given))
        return future
