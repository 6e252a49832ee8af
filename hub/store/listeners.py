"""Who hears of a store's commits."""

from __future__ import annotations

from collections.abc import Callable

from hub.ports import Commit
from hub.telemetry import logger

log = logger("store")


class Listeners:
    """Functions that are called in the event loop after a commit; one that fails silences no other."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._functions: list[Callable[[Commit], None]] = []

    def add(self, listener: Callable[[Commit], None]) -> None:
        """Call ``listener`` from the next commit on."""
        self._functions.append(listener)

    def tell(self, commit: Commit) -> None:
        """Call each of them."""
        for listener in tuple(self._functions):
            try:
                listener(commit)
            except Exception:
                log.exception("a listener of the store failed")

    def tell_elsewhere(self) -> None:
        """Say that somebody else may have committed."""
        self.tell(Commit((), frozenset({"elsewhere"})))
