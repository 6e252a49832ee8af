"""The interfaces that have more than one implementation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from hub.store.transaction import Transaction, UnitOfWork

T = TypeVar("T")


class Clock(Protocol):
    """Where every instant comes from."""

    def now(self) -> datetime:
        """Return the wall clock as an aware UTC instant."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back, for durations."""
        ...


class Randomness(Protocol):
    """Where every unpredictable value comes from."""

    def token(self) -> str:
        """Return 128 fresh random bits as 32 hex digits."""
        ...

    def uniform(self, low: float, high: float) -> float:
        """Return a number between the bounds, for jitter."""
        ...


@dataclass(frozen=True, slots=True)
class Notice:
    """A word that a key has something new of a type."""

    key: str
    type: str
    subject: str | None


@dataclass(frozen=True, slots=True)
class Commit:
    """What one commit of this process touched.

    Attributes:
        notices: The events that were stated, in the order of their positions.
        signals: Names of other things that changed: ``effects``, ``timers``, ``groups``;
            ``elsewhere`` when another process committed.
    """

    notices: tuple[Notice, ...]
    signals: frozenset[str]


class Store(Protocol):
    """The database; the contract suite in ``tests/contracts`` says what each implementation owes."""

    async def transact(self, fn: Callable[[UnitOfWork], T], *, name: str) -> T:
        """Run ``fn`` in one durable transaction, then return what it returned.

        ``fn`` is synchronous, touches nothing but the database, may run more than once.

        Raises:
            StoreUnavailable: The database cannot serve now; nothing was written, or the caller's token tells.
            Exception: Whatever ``fn`` raised; nothing of it was written.
        """
        ...

    async def read(self, fn: Callable[[Transaction], T]) -> T:
        """Run ``fn`` on a consistent snapshot that sees every finished ``transact``; writes are refused."""
        ...

    async def rehearse(self, fn: Callable[[UnitOfWork], T], *, name: str) -> T:
        """Run ``fn`` in a transaction that always rolls back, then return what it returned."""
        ...

    def on_commit(self, listener: Callable[[Commit], None]) -> None:
        """Call ``listener`` in the event loop after each commit of this process that touched something."""
        ...


@dataclass(frozen=True, slots=True)
class Subscription:
    """One group's wish to hear of keys with new events of its types.

    ``work`` returns once all that the notices announced is handled, held or dead; only then are they
    acknowledged. When it raises ``StoreUnavailable`` the bus waits, then calls it again.
    """

    group: str
    types: frozenset[str]
    work: Callable[[Sequence[str]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Copy:
    """One event on its way to subscribers.

    Attributes:
        key: Order holds among copies of the same key.
        topic: Where the full copy goes; None for what concerns our own groups alone.
        headers: Attributes of the event, as CloudEvents has them in binary mode.
        value: The event's data as JSON.
        notice: Headers of the notice that goes to ``hub.log`` without any data.
    """

    position: int
    key: bytes
    topic: str | None
    headers: Sequence[tuple[str, bytes]]
    value: bytes
    notice: Sequence[tuple[str, bytes]]


class Publisher(Protocol):
    """Sends copies of events to whoever subscribes elsewhere."""

    async def open(self) -> None:
        """Connect, unless connected.

        Raises:
            BrokerUnavailable: It cannot be reached, or is not as declared; says what to do.
        """
        ...

    async def publish(self, copies: Sequence[Copy]) -> Sequence[Exception | None]:
        """Send copies in order, then return what became of each: None when it is durably taken.

        Behind a copy that was not taken none of its key is, until the connection was closed; it must be after any
        failure. ``Permanent`` is a copy that will never be taken, certain only when it was sent alone.
        """
        ...

    async def close(self) -> None:
        """Let go of the connection at once; what it still holds is never sent."""
        ...


class EventBus(Protocol):
    """Brings notices of new events to groups; never the only copy of anything.

    Attributes:
        away: Why no notices come now; None while they do. Groups then sweep often.
    """

    @property
    def away(self) -> str | None:
        """Why no notices come now."""
        ...

    def subscribe(self, subscription: Subscription) -> None:
        """Add a group; only before ``start``."""
        ...

    async def start(self) -> None:
        """Begin to bring notices, also of what was stated while nobody listened."""
        ...

    async def wait(self) -> None:
        """Return when the bus was stopped; raise what broke it."""
        ...

    async def stop(self) -> None:
        """Let the batch in hand of each group finish, then bring no more."""
        ...
