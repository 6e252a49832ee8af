"""Tells an event's failure from everybody's: when most keys fail, the group must stop."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

WINDOW: Final = 20


class MassFailure:
    """The latest result of each of the last 20 different keys that a group tried."""

    def __init__(self) -> None:
        """Know of no result."""
        self._results: OrderedDict[str, bool] = OrderedDict()

    def note(self, key: str, *, failed: bool) -> None:
        """Add a key's latest result."""
        self._results.pop(key, None)
        self._results[key] = failed
        if len(self._results) > WINDOW:
            self._results.popitem(last=False)

    @property
    def is_on(self) -> bool:
        """Whether more than half of a full window is failing."""
        return sum(self._results.values()) > WINDOW // 2

    def forget(self) -> None:
        """Begin anew."""
        self._results.clear()
