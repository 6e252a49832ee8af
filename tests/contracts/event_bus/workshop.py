"""Where the bus suite works: a store, groups on a bus, time that stands still."""

from __future__ import annotations

import asyncio
import functools
import gc
import itertools
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from hub.contracts import Handler
from hub.pipeline.consumer import Consumer, Upkeep, join
from hub.ports import EventBus
from hub.settings import Waits
from hub.store import events, groups
from hub.store.events import Follower
from hub.store.tables import dead_letters, group_keys
from hub.store.transaction import Origin, Transaction, UnitOfWork
from schemas.envelope import CloudEvent
from tests.contracts.event_bus.ledger import asked, writing_order, written
from tests.support.clock import FakeClock
from tests.support.unreliable_store import UnreliableStore

DEADLINE_SECONDS = 20.0


class Workshop(ABC):
    """One database through any number of lives of the groups on it.

    An implementation says how its store is opened, how its bus is made, how its notices get lost.

    Attributes:
        store: The store of this life; refuses to serve when told to.
        broken: Ends with what broke the bus of this life.
    """

    store: UnreliableStore

    def __init__(self, waits: Waits | None = None) -> None:
        """Begin with nothing open."""
        self.clock = FakeClock()
        self.waits = waits or Waits()
        self.consumers: dict[str, Consumer] = {}
        self.upkeeps: dict[str, Upkeep] = {}
        self.bus: EventBus | None = None
        self.broken: asyncio.Task[None] | None = None
        self._causes = itertools.count()

    @abstractmethod
    async def open_store(self) -> UnreliableStore:
        """Open the store for a life; called again after ``close_store``."""

    @abstractmethod
    async def close_store(self) -> None:
        """Close the store of this life."""

    @abstractmethod
    def make_bus(self, store: UnreliableStore) -> EventBus:
        """Return a bus on the store."""

    @abstractmethod
    async def drop_bus(self) -> None:
        """End the bus as a kill would: without letting anything finish."""

    async def open(self, *handlers: Handler, bus: bool = True) -> None:
        """Begin a life: groups join, the bus starts; without ``bus`` only what the test calls itself happens."""
        _leave_the_imports_alone()
        self.store = await self.open_store()
        await join(self.store, handlers)
        self.consumers = {h.group: Consumer(h, self.store, self.clock, self.waits) for h in handlers}
        self.upkeeps = {group: Upkeep(consumer) for group, consumer in self.consumers.items()}
        for consumer in self.consumers.values():
            await consumer.load()
        if bus:
            self.bus = self.make_bus(self.store)
            for consumer in self.consumers.values():
                self.bus.subscribe(consumer.subscription)
            await self.bus.start()
            self.broken = asyncio.create_task(self.bus.wait())

    async def close(self) -> None:
        """End this life cleanly."""
        if self.bus is not None:
            await self.bus.stop()
            await self._forget_bus()
        await self.close_store()

    async def kill(self) -> None:
        """End this life as a kill would."""
        if self.bus is not None:
            await self.drop_bus()
            await self._forget_bus()
        await self.close_store()

    async def _forget_bus(self) -> None:
        if self.broken is not None:
            await asyncio.gather(self.broken, return_exceptions=True)
        self.bus = self.broken = None

    async def state(self, *said: tuple[str, int], **more: Any) -> None:
        """State numbered events in this order, a transaction for each two hundred; ``more`` goes to ``tx.state``."""
        traceparent = more.pop("traceparent", None)
        for first in range(0, len(said), 200):
            some = said[first : first + 200]
            origin = Origin(f"test-{next(self._causes)}", "test", "test", traceparent)

            def work(unit: UnitOfWork, some: Any = some, origin: Origin = origin) -> None:
                tx = unit.begin(origin)
                for key, number in some:
                    tx.state(asked(number), key=key, **more)

            await self.store.reliable.transact(work, name="test.state")

    async def written(self, group: str = "ledger") -> dict[str, list[int]]:
        """Return what a group wrote, by key."""
        return await self.store.reliable.read(lambda tx: written(tx, group))

    async def writing_order(self, group: str = "ledger") -> list[tuple[str, int]]:
        """Return what a group wrote, over all keys."""
        return await self.store.reliable.read(lambda tx: writing_order(tx, group))

    async def held(self, group: str = "ledger") -> list[str]:
        """Return the keys that a group holds."""
        return [row.key for row in await self.store.reliable.read(lambda tx: groups.held(tx, group))]

    async def hold_all_until(self, instant: datetime, group: str = "ledger") -> None:
        """Let every key that a group holds wait until an instant."""
        change = update(group_keys).where(group_keys.c.group == group, group_keys.c.held_until.is_not(None))
        later = change.values(held_until=instant)
        await self.store.transact(lambda unit: unit.begin(Origin("", "test", "test")).run(later), name="test.hold")

    async def letters(self) -> list[Any]:
        """Return every dead letter."""
        query = select(dead_letters).order_by(dead_letters.c.position)
        return list(await self.store.reliable.read(lambda tx: tx.all(query)))

    async def group(self, name: str = "ledger") -> Any:
        """Return what the database says of a group."""
        return await self.store.reliable.read(lambda tx: groups.get(tx, name))

    async def event_id(self, key: str, number: int) -> str:
        """Return the id of a numbered event."""
        return str((await self._event(key, number)).id)

    async def envelope(self, key: str, number: int) -> CloudEvent[Any]:
        """Return a numbered event."""
        return events.envelope(await self._event(key, number))

    async def position(self, key: str, number: int) -> int:
        """Return the position of a numbered event."""
        return int((await self._event(key, number)).position)

    async def _event(self, key: str, number: int) -> Any:
        rows = await self.store.reliable.read(lambda tx: events.tail(tx, 0, 10_000))
        (found,) = (row for row in rows if row.key == key and f'"version":{number},' in row.data)
        return found

    async def quiet(self) -> None:
        """Return when nothing is left to do but what is held or paused."""
        await eventually(self._is_quiet, "every group has done what it can")

    async def _is_quiet(self) -> bool:
        if self.broken is not None and self.broken.done():
            self.broken.result()
        left = await self.store.reliable.read(lambda tx: [self._left(tx, one) for one in self.consumers.values()])
        return not any(left)

    def _left(self, tx: Transaction, consumer: Consumer) -> bool:
        row = groups.get(tx, consumer.group)
        if row is None or row.state == "paused":
            return False
        follower = Follower(consumer.group, consumer.handler.type_names, row.start, row.floor)
        keys = {one.key for one in events.oldest_undone(tx, follower, 10_000)}
        return bool(events.pending(tx, follower, keys, until=2**62, limit=1))


@functools.cache
def _leave_the_imports_alone() -> None:
    """Keep what is imported out of garbage collections: one of them in the writer's thread makes its job look slow."""
    gc.collect()
    gc.freeze()


async def eventually(condition: Callable[[], Awaitable[object]], what: str) -> None:
    """Return when a condition holds.

    Raises:
        AssertionError: It did not in time.
    """
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not await condition():
        if time.monotonic() > deadline:
            msg = f"not within {DEADLINE_SECONDS:g} s: {what}"
            raise AssertionError(msg)
        await asyncio.sleep(0.002)


def numbered(keys: Iterable[str], count: int) -> list[tuple[str, int]]:
    """Return ``count`` events for each key, the keys taking turns."""
    every = list(keys)
    return [(key, number) for number in range(1, count + 1) for key in every]
