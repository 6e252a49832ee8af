"""Watches a running hub's log of events grow, from outside."""

from __future__ import annotations

import sqlite3
import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

TICKET: Final = "hub.ticket.opened.v1"
REPLY: Final = "hub.reply.requested.v1"
RECEIVED: Final = "hub.message.received.v1"
CLOCK: Final = "hub.clock.started.v1"

_SAY_SECONDS: Final = 5.0
_NEW: Final = "SELECT type, count(*), max(position) FROM events WHERE position > ? GROUP BY type"


class Watch:
    """Looks every few milliseconds; remembers when how many events of each type were there."""

    def __init__(self, data: Path, *, every_seconds: float = 0.005) -> None:
        """Point at a data directory, which may not have a database yet."""
        self.counts: Counter[str] = Counter()
        self._path = data / "hub.db"
        self._every = every_seconds
        self._steps: dict[str, tuple[list[int], list[float]]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look_for_ever, name="watch", daemon=True)

    def __enter__(self) -> Self:
        """Begin to look."""
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join()

    def done(self) -> int:
        """Return how many messages have their ticket, both its clocks, their reply as an effect."""
        counts = self.counts
        return min(counts[TICKET], counts[REPLY], counts[CLOCK] // 2)

    def until(self, count: int, say: Callable[[int], None], *, seconds: float = 120.0) -> None:
        """Return once so many messages are done; says now or then how many are.

        Raises:
            TimeoutError: Nothing more was done for so long.
        """
        last, moved_at, said_at = -1, time.monotonic(), time.monotonic()
        while (now_done := self.done()) < count:
            now = time.monotonic()
            if now_done != last:
                last, moved_at = now_done, now
            if now - moved_at > seconds:
                msg = f"{now_done} of {count} messages are done, nothing moves"
                raise TimeoutError(msg)
            if now - said_at > _SAY_SECONDS:
                said_at = now
                say(now_done)
            time.sleep(self._every)

    def instant(self, type_: str, number: int) -> float:
        """Return when there were first so many events of a type."""
        counts, instants = self._steps[type_]
        return instants[bisect_left(counts, number)]

    def _look_for_ever(self) -> None:
        position, connection = 0, None
        while not self._stop.wait(self._every):
            try:
                connection = connection or sqlite3.connect(f"file:{self._path}?mode=rw", uri=True, timeout=5)
                found = connection.execute(_NEW, (position,)).fetchall()
            except sqlite3.OperationalError:
                # Not there yet, or not migrated yet.
                if connection is not None:
                    connection.close()
                connection = None
                continue
            now = time.time()
            for type_, count, newest in found:
                self.counts[type_] += count
                position = max(position, newest)
                counts, instants = self._steps.setdefault(type_, ([], []))
                counts.append(self.counts[type_])
                instants.append(now)
        if connection is not None:
            connection.close()
