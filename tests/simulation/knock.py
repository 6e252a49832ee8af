"""Stands in for a condition that a thread waits on: whoever notifies gets the thread's next turn scheduled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.simulation.world import Killed

if TYPE_CHECKING:
    from tests.simulation.life import Life


class Knock(threading.Condition):
    """Calls ``turn`` once, a while after the first of some notifications; in one thread nobody ever waits."""

    def __init__(self, life: Life, turn: Callable[[], None]) -> None:
        """Wake the worker of one life."""
        super().__init__()
        self._life = life
        self._turn = turn
        self._due = float("inf")

    def notify(self, n: int = 1) -> None:
        """Let the worker take a turn soon."""
        self.notify_in(self._life.delay())

    def notify_in(self, seconds: float) -> None:
        """Let the worker take a turn after that long, unless it will sooner."""
        due = self._life.world.time + seconds
        if due < self._due:
            self._due = due
            self._life.loop.call_at(due, self._take, due)

    def _take(self, due: float) -> None:
        if due != self._due:
            return
        self._due = float("inf")
        if self._life.dead:
            raise Killed
        self._turn()
