"""The bus of one process: commits wake the groups with the keys they touched."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy.engine import Row

from hub.errors import StoreUnavailable
from hub.ports import Commit, Notice, Store, Subscription
from hub.store import events, groups
from hub.store.events import Follower
from hub.store.settled import settled
from hub.store.transaction import Transaction
from hub.telemetry import logger
from schemas.operations import TimerFired

log = logger("bus")

_MOST_KEYS: Final = 10_000
_REFILL: Final = 1_000
_SCAN: Final = 20_000
_AT_ONCE: Final = 64


@dataclass(slots=True)
class _Feed:
    """What one group has yet to be told.

    Attributes:
        keys: Keys with something new, oldest first; bounded.
        scanned: Every undone event at or below this position has its key in ``keys``, or had.
        behind: Whether the table may hold more than ``keys`` tells.
    """

    subscription: Subscription
    keys: dict[str, None] = field(default_factory=dict)
    scanned: int = 0
    behind: bool = True
    wake: asyncio.Event = field(default_factory=asyncio.Event)


class EmbeddedBus:
    """Implements ``hub.ports.EventBus`` in-process, with the events table as the log.

    Nothing is kept here that the table does not hold: after a start, an overflow or a commit by another process the
    keys are read from the table.
    """

    def __init__(self, store: Store, *, retry_seconds: float = 0.5) -> None:
        """Listen to ``store``; wait ``retry_seconds`` when the database cannot serve."""
        self._store = store
        self._retry_seconds = retry_seconds
        self._feeds: dict[str, _Feed] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False
        store.on_commit(self._committed)

    @property
    def away(self) -> str | None:
        """Why no notices come now: a process is never away from itself."""
        return None

    def subscribe(self, subscription: Subscription) -> None:
        """Add a group."""
        if self._tasks:
            msg = "groups subscribe before the bus starts"
            raise RuntimeError(msg)
        self._feeds[subscription.group] = _Feed(subscription)

    async def start(self) -> None:
        """Begin with what is undone."""
        self._stopping = False
        for feed in self._feeds.values():
            feed.scanned, feed.behind = 0, True
            name = f"bus-{feed.subscription.group}"
            self._tasks.append(asyncio.create_task(self._run(feed), name=name))

    async def wait(self) -> None:
        """Return when the bus was stopped; raise what broke it."""
        await asyncio.gather(*self._tasks)

    async def stop(self) -> None:
        """Let the batch in hand of each group finish."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    def _committed(self, commit: Commit) -> None:
        for feed in self._feeds.values():
            if "elsewhere" in commit.signals:
                feed.behind = True
                feed.wake.set()
            for notice in commit.notices:
                if _concerns(feed.subscription, notice):
                    self._add(feed, notice.key)

    @staticmethod
    def _add(feed: _Feed, key: str) -> None:
        # A dropped notice is of an event above ``scanned``: the next refill finds it.
        if key in feed.keys or len(feed.keys) < _MOST_KEYS:
            feed.keys[key] = None
        else:
            feed.behind = True
        feed.wake.set()

    async def _run(self, feed: _Feed) -> None:
        try:
            while True:
                await self._turn(feed)
        except asyncio.CancelledError:
            if not self._stopping:
                raise

    async def _turn(self, feed: _Feed) -> None:
        feed.wake.clear()
        try:
            if feed.behind and len(feed.keys) < _REFILL:
                await self._refill(feed)
            keys = list(feed.keys)[:_AT_ONCE]
            if keys:
                await self._hand_over(feed, keys)
            elif not feed.behind:
                await feed.wake.wait()
        except StoreUnavailable as error:
            log.warning("the database cannot serve", group=feed.subscription.group, error=str(error))
            await asyncio.sleep(self._retry_seconds)

    @staticmethod
    async def _hand_over(feed: _Feed, keys: Sequence[str]) -> None:
        # Taken out before the work: a notice that comes meanwhile is news.
        for key in keys:
            del feed.keys[key]
        try:
            await feed.subscription.work(keys)
        except BaseException:
            feed.keys = dict.fromkeys([*keys, *feed.keys])
            raise

    async def _refill(self, feed: _Feed) -> None:
        # Said before the look: whoever finds the feed behind while it looks must not be overruled by what it saw.
        feed.behind = False
        try:
            newest, follower = await self._store.read(lambda tx: (settled(tx), _follower(tx, feed.subscription)))
            after = max(feed.scanned, follower.floor)
            until = max(after, min(after + _SCAN, newest))
            page = await self._store.read(lambda tx: _undone(tx, follower, after, until))
        except BaseException:
            feed.behind = True
            raise
        for row in page:
            feed.keys[row.key] = None
        feed.scanned = page[-1].position if len(page) == _REFILL else until
        feed.behind = feed.behind or feed.scanned < newest


def _concerns(subscription: Subscription, notice: Notice) -> bool:
    if notice.type not in subscription.types:
        return False
    return notice.type != TimerFired.TYPE or notice.subject == subscription.group


def _follower(tx: Transaction, subscription: Subscription) -> Follower:
    row = groups.get(tx, subscription.group)
    start, floor = (0, 0) if row is None else (int(row.start), int(row.floor))
    return Follower(subscription.group, subscription.types, start, floor)


def _undone(tx: Transaction, follower: Follower, after: int, until: int) -> Sequence[Row[Any]]:
    return events.undone_page(tx, follower, after=after, until=until, limit=_REFILL)
