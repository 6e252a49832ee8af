"""Keeps a database that came out of a back-up from saying again what it may have said before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy.engine import Row

from hub.pipeline.effects import settle
from hub.ports import Store
from hub.store import effects, events, restores
from hub.store.restores import Era
from hub.store.transaction import Transaction, UnitOfWork
from hub.store.types import to_microseconds
from hub.telemetry import logger
from schemas import ids
from schemas.operations import TimerFired

log = logger("effects")

WHY: Final = "the database was restored from a back-up; whether this was sent before is not in it"
_AT_ONCE: Final = 256
_LONGEST_CHAIN: Final = 32


async def declare(store: Store, known: datetime | None) -> None:
    """Write down that the database came out of a back-up: what it holds as not sent yet waits for a person from now.

    Every process that sends reads it with each claim, so nothing leaves between this and the last of the doubts.

    Args:
        store: The database.
        known: Its ``restored_at`` as it was when the loss was noticed; another one is the word of somebody else.

    Raises:
        StoreUnavailable: The database cannot serve now; whoever remembers more than it knows comes again.
    """

    def begin(unit: UnitOfWork) -> int:
        restores.declare(unit.begin(settle.LONE_ORIGIN), known)
        return doubt_some(unit)

    log.error("the database was restored from a back-up: what may have been sent since waits for a person")
    if await store.transact(begin, name="effects.restored"):
        await doubt_all(store)


async def doubt_all(store: Store) -> int:
    """Doubt what a restored database holds as not sent yet; return how many."""
    doubted = 0
    while some := await store.transact(doubt_some, name="effects.restored"):
        doubted += some
    return doubted


def doubt_some(unit: UnitOfWork) -> int:
    """Doubt a part of what was asked for before the database was found restored; return how many, 0 for no more."""
    tx = unit.begin(settle.LONE_ORIGIN)
    since = restores.era(tx).restored_at
    if since is None:
        return 0
    rows = [row for row in effects.asked_before(tx, since, _AT_ONCE) if not _is_released(tx, row, since)]
    for row in rows:
        _hold(unit, row, since)
    return len(rows)


class Restored:
    """Holds effects whose reason is older than the moment at which the database was found restored.

    It remembers how far the database was, too: one that falls behind that under a running process is found at the next
    claim, whoever else notices.
    """

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._seen = Era()

    def saw(self, now: Era) -> bool:
        """Remember where the database stands, as a look at what was committed told; False when it fell behind."""
        if self._seen.has_lost(now):
            return False
        self._seen = now
        return True

    def sift(self, unit: UnitOfWork, rows: Sequence[Row[Any]]) -> list[Row[Any]]:
        """Return which of these effects may be sent; hold the others."""
        tx = unit.begin(settle.LONE_ORIGIN)
        now = restores.era(tx)
        since = restores.declare(tx, now.restored_at) if self._seen.has_lost(now) else now.restored_at
        if since is None:
            return list(rows)
        fresh = []
        for row in rows:
            if _is_released(tx, row, since) or _is_new(tx, row, since):
                fresh.append(row)
            else:
                _hold(unit, row, since)
        return fresh


def _hold(unit: UnitOfWork, row: Row[Any], since: datetime) -> None:
    settle.hold(unit, row, WHY, _name(since))


def _name(since: datetime) -> str:
    """Return what one restore is called in ids: an effect may be held by one, released, then held by another."""
    return f"{settle.RESTORED}-{to_microseconds(since)}"


def _is_released(tx: Transaction, row: Row[Any], since: datetime) -> bool:
    """Tell whether a person has already decided that it goes out."""
    return events.get(tx, ids.effect_event_id(row.id, row.attempts, _name(since))) is not None


def _is_new(tx: Transaction, row: Row[Any], since: datetime) -> bool:
    """Follow the causes of an effect back to what came in, or came due."""
    if row.requested_at < since:
        return False
    cause = row.cause
    for _ in range(_LONGEST_CHAIN):
        event = events.get(tx, cause) if cause else None
        if event is None:
            return True
        if event.type == TimerFired.TYPE or (event.causation or "").startswith("dl_"):
            return bool(min(event.receivedat, event.time) >= since)
        cause = event.causation
    return True
