"""Holds things until there are enough of them, or they have waited long enough."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Collector(Generic[T]):
    """Collects, then releases all it holds at once."""

    def __init__(self, release: Callable[[list[T]], None], hold_seconds: float) -> None:
        """Hold the first thing no longer than so many seconds."""
        self._release = release
        self._hold_seconds = hold_seconds
        self._held: list[T] = []
        self._timer: asyncio.TimerHandle | None = None

    def add(self, things: list[T], *, wanted: int) -> None:
        """Hold things, or release all once as many as wanted are there."""
        self._held += things
        if len(self._held) >= wanted:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._hold_seconds, self.flush)

    def flush(self) -> None:
        """Release what there is."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        held, self._held = self._held, []
        if held:
            self._release(held)
