"""Effects that a restored database holds back until a person decides."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import and_, bindparam, func, literal_column, select
from sqlalchemy.engine import Row

from hub.store.effects import OPEN, RESTORED
from hub.store.tables import effects
from hub.store.transaction import Transaction

# Spelled out, not bound, as the partial index has it.
_OPEN: Final[list[Any]] = [literal_column(f"'{state}'") for state in OPEN]
_IS_HELD_BACK: Final = and_(
    effects.c.state.in_(_OPEN),
    effects.c.code == RESTORED,
    effects.c.state == literal_column("'unknown'"),
    effects.c.requested_at < bindparam("until"),
)
_COUNT_HELD_BACK: Final = select(func.count()).select_from(effects).where(_IS_HELD_BACK)
_HELD_BACK: Final = (
    select(effects)
    .where(_IS_HELD_BACK, effects.c.position > bindparam("after"))
    .order_by(effects.c.position)
    .limit(bindparam("limit"))
)


def listing(tx: Transaction, until: datetime, *, after: int, limit: int) -> Sequence[Row[Any]]:
    """Return what a restored database holds back of what was asked for before an instant, from a position on."""
    return tx.all(_HELD_BACK, until=until, after=after, limit=limit)


def count(tx: Transaction, until: datetime) -> int:
    """Return how many there are of these."""
    row = tx.one(_COUNT_HELD_BACK, until=until)
    return 0 if row is None else int(row[0])
