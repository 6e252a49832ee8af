"""What was in hand when the process died: marked before it is tried, so that a killer is found."""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from hub.store.tables import store_info, suspects
from hub.store.transaction import Transaction

CRASHES: Final = 3

_MARK: Final = (
    insert(suspects)
    .values(scope=bindparam("of_scope"), item=bindparam("of_item"), crashes=bindparam("at_crashes"))
    .on_conflict_do_update(index_elements=["scope", "item"], set_={"crashes": bindparam("at_crashes")})
)
_CRASHES: Final = select(suspects.c.crashes).where(
    suspects.c.scope == bindparam("of_scope"), suspects.c.item == bindparam("of_item")
)
_CLEAR: Final = delete(suspects).where(
    suspects.c.scope == bindparam("of_scope"), suspects.c.item == bindparam("of_item")
)
_CLEAN: Final = select(store_info.c.clean, store_info.c.id)
_SET_CLEAN: Final = update(store_info).values(clean=bindparam("is_clean"))


def crashes(tx: Transaction, scope: str, item: str) -> int:
    """Return how many times an item was in hand at a crash."""
    row = tx.one(_CRASHES, of_scope=scope, of_item=item)
    return 0 if row is None else int(row.crashes)


def mark(tx: Transaction, scope: str, item: str, crashes: int) -> None:
    """Note that an item is about to be tried alone, after so many crashes with it in hand.

    Doing so again changes nothing: a commit whose answer was lost is no crash.
    """
    tx.run(_MARK, of_scope=scope, of_item=item, at_crashes=crashes + 1)


def clear(tx: Transaction, scope: str, item: str) -> None:
    """Forget an item that did no harm."""
    tx.run(_CLEAR, of_scope=scope, of_item=item)


def set_clean(tx: Transaction, *, clean: bool) -> bool:
    """Note whether the store is in use, then return whether it had been left cleanly."""
    row = tx.one(_CLEAN)
    tx.run(_SET_CLEAN, is_clean=int(clean))
    return row is not None and bool(row.clean)


def store_id(tx: Transaction) -> str:
    """Return the lasting id of this database."""
    row = tx.one(_CLEAN)
    return "" if row is None else str(row.id)
