"""Raw deliveries as received, how far each journal is ingested, what waits for its original."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Row

from hub.store.tables import deliveries, events, journal_cursors, waiting_items
from hub.store.transaction import Transaction

COUNTS: Final = ("items", "published", "ignored", "duplicate", "quarantined", "waiting")

_INSERT: Final = insert(deliveries).on_conflict_do_nothing(index_elements=["id"])
_ADD: Final = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("delivery"))
    .values(
        state=func.coalesce(bindparam("new_state"), deliveries.c.state),
        **{name: deliveries.c[name] + bindparam(f"more_{name}") for name in COUNTS},
    )
)
_BY_ID: Final = select(deliveries).where(deliveries.c.id == bindparam("delivery"))
_RECENT: Final = select(deliveries).order_by(deliveries.c.position.desc()).limit(bindparam("limit"))
_SUMS: Final = select(
    deliveries.c.connector, func.count(), *(func.sum(deliveries.c[name]) for name in COUNTS)
).group_by(deliveries.c.connector)

_CURSOR: Final = select(journal_cursors).where(journal_cursors.c.journal == bindparam("of_journal"))
_CURSORS: Final = select(journal_cursors)
_FIRST_CURSOR: Final = insert(journal_cursors)
_MOVE_CURSOR: Final = (
    update(journal_cursors)
    .where(journal_cursors.c.journal == bindparam("of_journal"))
    .values(
        segment=bindparam("to_segment"),
        segment_id=bindparam("to_segment_id"),
        row=bindparam("to_row"),
        item=bindparam("to_item"),
        ingested=journal_cursors.c.ingested + bindparam("more"),
        token=bindparam("by_token"),
    )
)

_KNOWN_EVENTS: Final = select(events.c.id).where(events.c.id.in_(bindparam("ids", expanding=True)))
_KNOWN_WAITING: Final = select(waiting_items.c.id).where(waiting_items.c.id.in_(bindparam("ids", expanding=True)))
_WAIT: Final = insert(waiting_items)
_WAITED_FOR: Final = (
    select(waiting_items.c.target)
    .where(
        waiting_items.c.connector == bindparam("of_connector"),
        waiting_items.c.asset == bindparam("of_asset"),
        waiting_items.c.target.in_(bindparam("originals", expanding=True)),
    )
    .distinct()
)
_WAITING_FOR: Final = (
    select(waiting_items)
    .where(
        waiting_items.c.connector == bindparam("of_connector"),
        waiting_items.c.asset == bindparam("of_asset"),
        waiting_items.c.target.in_(bindparam("originals", expanding=True)),
    )
    .order_by(waiting_items.c.position)
)
_OF_ASSET: Final = (
    waiting_items.c.connector == bindparam("of_connector"),
    waiting_items.c.asset == bindparam("of_asset"),
)
_WAITING_UNTIL: Final = select(waiting_items).where(
    *_OF_ASSET, waiting_items.c.received_at <= bindparam("until", type_=waiting_items.c.received_at.type)
)
_NEXT_WAITING: Final = select(func.min(waiting_items.c.received_at)).where(
    *_OF_ASSET, waiting_items.c.received_at > bindparam("until", type_=waiting_items.c.received_at.type)
)
_ALL_WAITING: Final = select(waiting_items).order_by(waiting_items.c.position).limit(bindparam("limit"))
_STOP_WAITING: Final = delete(waiting_items).where(waiting_items.c.id == bindparam("item_id"))


def insert_many(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write raw deliveries; one that is already there (its first part was written) stays as it is."""
    tx.write_many(_INSERT, rows)


def add_counts(tx: Transaction, delivery_id: str, counts: Mapping[str, int], *, state: str | None = None) -> None:
    """Add to what became of a delivery's items; without a ``state`` it stays in the one it is in."""
    tx.run(_ADD, delivery=delivery_id, new_state=state, **{f"more_{name}": counts.get(name, 0) for name in COUNTS})


def get(tx: Transaction, delivery_id: str) -> Row[Any] | None:
    """Return one raw delivery with what became of it."""
    return tx.one(_BY_ID, delivery=delivery_id)


def recent(tx: Transaction, limit: int) -> Sequence[Row[Any]]:
    """Return the newest deliveries, newest first."""
    return tx.all(_RECENT, limit=limit)


def sums(tx: Transaction) -> dict[str, dict[str, int]]:
    """Return what became of all items, by connector."""
    names = ("deliveries", *COUNTS)
    return {
        connector: {name: int(value or 0) for name, value in zip(names, amounts, strict=True)}
        for connector, *amounts in map(list, tx.all(_SUMS))
    }


def cursor(tx: Transaction, journal: str) -> Row[Any] | None:
    """Return how far a journal is ingested."""
    return tx.one(_CURSOR, of_journal=journal)


def cursors(tx: Transaction) -> Sequence[Row[Any]]:
    """Return how far every known journal is ingested."""
    return tx.all(_CURSORS)


def move_cursor(  # noqa: PLR0913 - every part of a place has its name
    tx: Transaction,
    journal: str,
    *,
    first: bool,
    segment: int,
    segment_id: str,
    row: int,
    item: int,
    more: int,
    token: str,
) -> None:
    """Set how far a journal is ingested, counting ``more`` deliveries as done."""
    if first:
        place = {"segment": segment, "segment_id": segment_id, "row": row, "item": item}
        tx.run(_FIRST_CURSOR, journal=journal, **place, ingested=more, token=token)
        return
    tx.run(
        _MOVE_CURSOR,
        of_journal=journal,
        to_segment=segment,
        to_segment_id=segment_id,
        to_row=row,
        to_item=item,
        more=more,
        by_token=token,
    )


def known_ids(tx: Transaction, ids: Iterable[str]) -> set[str]:
    """Return which of these item events were stated before, or wait for their original."""
    wanted = sorted(set(ids))
    if not wanted:
        return set()
    found = {row.id for row in tx.all(_KNOWN_EVENTS, ids=wanted)}
    return found | {row.id for row in tx.all(_KNOWN_WAITING, ids=wanted)}


def wait(tx: Transaction, item: Mapping[str, Any]) -> None:
    """Keep an item until the thing it speaks of is known."""
    tx.write(_WAIT, **item)


def waited_for(tx: Transaction, connector: str, asset: str, targets: Iterable[str]) -> set[str]:
    """Return for which of these messages of ours something waits."""
    wanted = sorted(set(targets))
    rows = tx.all(_WAITED_FOR, of_connector=connector, of_asset=asset, originals=wanted) if wanted else ()
    return {row.target for row in rows}


def waiting_for(tx: Transaction, connector: str, asset: str, targets: Iterable[str]) -> Sequence[Row[Any]]:
    """Return what waits for these messages, in the order it came."""
    return tx.all(_WAITING_FOR, of_connector=connector, of_asset=asset, originals=sorted(targets))


def waiting_until(tx: Transaction, connector: str, asset: str, until: datetime) -> Sequence[Row[Any]]:
    """Return what has waited since an instant or longer."""
    return tx.all(_WAITING_UNTIL, of_connector=connector, of_asset=asset, until=until)


def next_waiting(tx: Transaction, connector: str, asset: str, after: datetime) -> datetime | None:
    """Return since when the first waits that came after an instant."""
    row = tx.one(_NEXT_WAITING, of_connector=connector, of_asset=asset, until=after)
    return None if row is None else row[0]


def all_waiting(tx: Transaction, limit: int) -> Sequence[Row[Any]]:
    """Return what waits for the message it speaks of, the oldest first."""
    return tx.all(_ALL_WAITING, limit=limit)


def stop_waiting(tx: Transaction, item_id: str) -> None:
    """Forget that an item waits."""
    tx.run(_STOP_WAITING, item_id=item_id)
