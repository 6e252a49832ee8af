"""Which events are still to be sent to subscribers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import and_, bindparam, func, select, update
from sqlalchemy.engine import Row

from hub.store.tables import events
from hub.store.transaction import Transaction

_UNPUBLISHED: Final = (
    select(events).where(events.c.published_at.is_(None)).order_by(events.c.position).limit(bindparam("limit"))
)
_MARK: Final = (
    update(events)
    .where(events.c.position.in_(bindparam("positions", expanding=True)))
    .values(published_at=bindparam("at"))
)
_MARKED_AT_ONCE: Final = 512
_FORGET: Final = update(events).where(events.c.id == bindparam("event")).values(published_at=None)
_SENT_SINCE: Final = and_(events.c.published_at.is_not(None), events.c.receivedat >= bindparam("since"))
_COUNT_SINCE: Final = select(func.count()).select_from(events).where(_SENT_SINCE)
_FORGET_SINCE: Final = update(events).where(_SENT_SINCE).values(published_at=None)
_OLDEST: Final = select(func.min(events.c.position)).where(events.c.published_at.is_(None))
_NEWEST: Final = select(func.max(events.c.position))
_COUNT: Final = select(func.count(), func.min(events.c.receivedat)).where(events.c.published_at.is_(None))


def unpublished(tx: Transaction, limit: int) -> Sequence[Row[Any]]:
    """Return the oldest events that subscribers do not have, by position."""
    return tx.all(_UNPUBLISHED, limit=limit)


def mark(tx: Transaction, positions: Iterable[int]) -> None:
    """Say that the broker has acknowledged these events."""
    every = list(positions)
    for first in range(0, len(every), _MARKED_AT_ONCE):
        tx.run(_MARK, positions=every[first : first + _MARKED_AT_ONCE], at=tx.now)


def forget(tx: Transaction, event_id: str) -> bool:
    """Let one event be sent again; False when it is no longer kept."""
    tx.signal("publications")
    return tx.run(_FORGET, event=event_id) > 0


def sent_since(tx: Transaction, since: datetime) -> int:
    """Return how many events taken in since an instant subscribers have been sent."""
    row = tx.one(_COUNT_SINCE, since=since)
    return 0 if row is None else int(row[0])


def forget_since(tx: Transaction, since: datetime) -> int:
    """Let every event taken in since an instant be sent again, then return how many.

    At once, however many: a part of them sent behind newer ones would break the order of their keys.
    """
    tx.signal("publications")
    return tx.run(_FORGET_SINCE, since=since)


def waiting(tx: Transaction) -> tuple[int, datetime | None]:
    """Return how many events subscribers do not have, when the oldest of them came."""
    row = tx.one(_COUNT)
    counted: list[Any] = [0, None] if row is None else list(row)
    return counted[0], counted[1]


def reach(tx: Transaction) -> tuple[int | None, int]:
    """Return the position of the oldest event that subscribers do not have, with that of the newest there is."""
    oldest, newest = tx.one(_OLDEST), tx.one(_NEWEST)
    return None if oldest is None else oldest[0], 0 if newest is None else newest[0] or 0
