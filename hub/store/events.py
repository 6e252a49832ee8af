"""The log of events, read by key, by position, by what a group has not done yet."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, and_, bindparam, func, or_, select
from sqlalchemy.engine import Row

from hub.errors import Unreadable
from hub.store.tables import events, group_keys
from hub.store.transaction import Transaction
from schemas.envelope import CloudEvent, data_model, schema_address
from schemas.operations import TimerFired

_OF_GROUP: Final = events.outerjoin(
    group_keys, and_(group_keys.c.group == bindparam("of_group"), group_keys.c.key == events.c.key)
)
# A timer speaks to the group that armed it, named in its subject.
_ITS_TYPES: Final = and_(
    events.c.type.in_(bindparam("types", expanding=True)),
    or_(events.c.type != TimerFired.TYPE, events.c.subject == bindparam("of_group")),
)
_NOT_DONE: Final = events.c.position > func.coalesce(group_keys.c.position, bindparam("start"))


def _undone(*columns: Any) -> Select[Any]:
    return select(*columns).select_from(_OF_GROUP).where(_ITS_TYPES, _NOT_DONE)


# What comes before an event of a key is told with it: nobody may handle it before that is done.
_DONE: Final = group_keys.c.position.label("done")

_PENDING: Final = (
    _undone(events, _DONE)
    .where(
        events.c.key.in_(bindparam("keys", expanding=True)),
        events.c.position > bindparam("floor"),
        events.c.position <= bindparam("until"),
        or_(group_keys.c.held_until.is_(None), group_keys.c.held_until <= bindparam("now")),
    )
    .order_by(events.c.position)
    .limit(bindparam("limit"))
)
_UNDONE_PAGE: Final = (
    _undone(events.c.position, events.c.key, events.c.receivedat, group_keys.c.held_until)
    .where(events.c.position > bindparam("after"), events.c.position <= bindparam("until"))
    .order_by(events.c.position)
    .limit(bindparam("limit"))
)
_UNDONE_COUNT: Final = _undone(
    func.count(),
    func.min(events.c.receivedat),
    func.count(group_keys.c.held_until),
).where(events.c.position > bindparam("after"))
_OLDEST: Final = (
    _undone(events, _DONE, group_keys.c.held_until)
    .where(events.c.position > bindparam("floor"))
    .order_by(events.c.position)
    .limit(bindparam("limit"))
)
_FIRSTS: Final = (
    _undone(func.min(events.c.position).label("position"))
    .where(events.c.position > bindparam("floor"))
    .group_by(events.c.key)
    .order_by(func.min(events.c.position))
    .limit(1)
    .offset(bindparam("skipped"))
    .subquery("firsts")
)
_FIRST_OF_A_KEY: Final = _undone(events, _DONE).where(events.c.position == select(_FIRSTS.c.position).scalar_subquery())
_TOTAL: Final = select(func.count()).select_from(events).where(_ITS_TYPES, events.c.position > bindparam("start"))
_NEWEST: Final = select(func.coalesce(func.max(events.c.position), 0))
_BY_ID: Final = select(events).where(events.c.id == bindparam("event"))
_KEYS_OF: Final = select(events.c.id, events.c.key, events.c.type).where(
    events.c.id.in_(bindparam("ids", expanding=True))
)
_TAIL: Final = (
    select(events).where(events.c.position > bindparam("after")).order_by(events.c.position).limit(bindparam("limit"))
)
_CAUSED_BY: Final = select(events).where(events.c.causation == bindparam("cause")).order_by(events.c.position)


@dataclass(frozen=True, slots=True)
class Follower:
    """A group as it follows the log.

    Attributes:
        start: Where it began: of a key that it never met, everything above is undone.
        floor: All of its at or below is done; no look goes back further.
    """

    group: str
    types: frozenset[str]
    start: int
    floor: int


def envelope(row: Row[Any]) -> CloudEvent[Any]:
    """Return the event that a row holds.

    Raises:
        Unreadable: This code does not know the type, or its data does not fit.
    """
    model = data_model(row.type)
    if model is None:
        msg = f"this code does not know events of type {row.type}"
        raise Unreadable(msg)
    try:
        data = model.model_validate_json(row.data)
    except ValueError as error:
        msg = f"the data of the event does not fit {row.type}: {type(error).__name__}"
        raise Unreadable(msg) from error
    return CloudEvent.trusted(
        specversion="1.0",
        id=row.id,
        source=row.source,
        type=row.type,
        subject=row.subject,
        time=row.time,
        receivedat=row.receivedat,
        datacontenttype="application/json",
        dataschema=schema_address(row.type),
        partitionkey=row.key,
        traceparent=row.traceparent,
        actor=row.actor,
        causation=row.causation,
        data=data,
    )


def pending(tx: Transaction, follower: Follower, keys: Iterable[str], *, until: int, limit: int) -> Sequence[Row[Any]]:
    """Return what a group has yet to handle of these keys, in order, leaving out keys that are held.

    ``done`` of each row is how far the group is with the key, None when it never met it.
    """
    return tx.all(
        _PENDING, **_of(follower), keys=sorted(keys), floor=follower.floor, until=until, limit=limit, now=tx.now
    )


def undone_page(tx: Transaction, follower: Follower, *, after: int, until: int, limit: int) -> Sequence[Row[Any]]:
    """Return (position, key, receivedat, held_until) of events between two positions that a group has not done."""
    return tx.all(_UNDONE_PAGE, **_of(follower), after=after, until=until, limit=limit)


def oldest_undone(tx: Transaction, follower: Follower, limit: int) -> Sequence[Row[Any]]:
    """Return the oldest events that a group has not done, held or not, with ``done`` and ``held_until`` of the key."""
    return tx.all(_OLDEST, **_of(follower), floor=follower.floor, limit=limit)


def first_of_a_key(tx: Transaction, follower: Follower, skipped: int) -> Row[Any] | None:
    """Return the event that comes next in its key, held or not, skipping that many keys; oldest key first."""
    return tx.one(_FIRST_OF_A_KEY, **_of(follower), floor=follower.floor, skipped=skipped)


def undone_count(
    tx: Transaction, group: str, types: Collection[str], start: int, after: int
) -> tuple[int, datetime | None, int]:
    """Return how many events a group has not done, when the oldest came, how many of them are behind a hold."""
    row = tx.one(_UNDONE_COUNT, of_group=group, types=sorted(types), start=start, after=after)
    counted: list[Any] = [0, None, 0] if row is None else list(row)
    return counted[0], counted[1], counted[2]


def total(tx: Transaction, group: str, types: Collection[str], start: int) -> int:
    """Return how many events of its types a group was ever to handle."""
    row = tx.one(_TOTAL, of_group=group, types=sorted(types), start=start)
    return 0 if row is None else int(row[0])


def newest(tx: Transaction) -> int:
    """Return the position of the newest event, 0 for none."""
    row = tx.one(_NEWEST)
    return 0 if row is None else int(row[0])


def get(tx: Transaction, event_id: str) -> Row[Any] | None:
    """Return one event's row."""
    return tx.one(_BY_ID, event=event_id)


def keys_of(tx: Transaction, ids: Collection[str]) -> dict[str, tuple[str, str]]:
    """Return key with type of those events that exist, by id."""
    return {row.id: (row.key, row.type) for row in tx.all(_KEYS_OF, ids=list(ids))} if ids else {}


def tail(tx: Transaction, after: int, limit: int) -> Sequence[Row[Any]]:
    """Return events after a position, in order."""
    return tx.all(_TAIL, after=after, limit=limit)


def caused_by(tx: Transaction, cause: str) -> Sequence[Row[Any]]:
    """Return the events that one event, or one item of a delivery, led to."""
    return tx.all(_CAUSED_BY, cause=cause)


def _of(follower: Follower) -> dict[str, Any]:
    return {"of_group": follower.group, "types": sorted(follower.types), "start": follower.start}
