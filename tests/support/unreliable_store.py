"""A store that refuses to serve when a test says so, also after it has committed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeVar

from hub.errors import StoreUnavailable
from hub.ports import Commit, Store
from hub.store.transaction import Transaction, UnitOfWork

T = TypeVar("T")

Fault = Literal["before", "after"] | None
"""``before``: nothing happened. ``after``: it was committed, only the answer is lost."""


def in_turn(*faults: Fault, then: Fault = None) -> Callable[[], Fault]:
    """Return a ``fault`` that gives these one after the other, afterwards always the same."""
    left = iter(faults)
    return lambda: next(left, then)


class UnreliableStore:
    """Implements ``hub.ports.Store`` on another one.

    Attributes:
        reliable: The store itself.
        fault: Asked at each call what goes wrong with it.
        deaf: While it is on, nobody hears of commits.
    """

    def __init__(self, reliable: Store) -> None:
        """Serve faithfully until told otherwise."""
        self.reliable = reliable
        self.fault: Callable[[], Fault] = lambda: None
        self.deaf = False

    async def transact(self, fn: Callable[[UnitOfWork], T], *, name: str) -> T:
        """Run a transaction, or do not, or lose its answer."""
        fault = self._refuse_or_not()
        result = await self.reliable.transact(fn, name=name)
        self._lose_answer(fault)
        return result

    async def read(self, fn: Callable[[Transaction], T]) -> T:
        """Read, or do not."""
        fault = self._refuse_or_not()
        result = await self.reliable.read(fn)
        self._lose_answer(fault)
        return result

    async def rehearse(self, fn: Callable[[UnitOfWork], T], *, name: str) -> T:
        """Rehearse, or do not."""
        self._refuse_or_not()
        return await self.reliable.rehearse(fn, name=name)

    def on_commit(self, listener: Callable[[Commit], None]) -> None:
        """Tell of commits, unless deaf."""
        self.reliable.on_commit(lambda commit: None if self.deaf else listener(commit))

    def _refuse_or_not(self) -> Fault:
        fault = self.fault()
        if fault == "before":
            msg = "the test took the database away"
            raise StoreUnavailable(msg)
        return fault

    @staticmethod
    def _lose_answer(fault: Fault) -> None:
        if fault == "after":
            msg = "the test took the answer away"
            raise StoreUnavailable(msg)
