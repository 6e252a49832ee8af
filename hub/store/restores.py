"""Whether the database came out of a back-up, as those tell who remember more than it knows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, func, select, update

from hub.store.tables import events, store_info
from hub.store.transaction import Transaction
from hub.store.types import Instant

_NEWEST: Final = select(func.coalesce(func.max(events.c.position), 0)).scalar_subquery()
_ERA: Final = select(store_info.c.restored_at, _NEWEST.label("newest"))
_DECLARE: Final = (
    update(store_info)
    .where(store_info.c.restored_at.is_not_distinct_from(bindparam("known", type_=Instant)))
    .values(restored_at=bindparam("instant"))
)
_TICK: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Era:
    """What a database knew at a moment.

    Attributes:
        newest: Position of the newest event; a database that lost nothing never goes back.
        restored_at: When somebody first noticed that it had come out of a back-up; None for the common one.
    """

    newest: int = 0
    restored_at: datetime | None = None

    def has_lost(self, now: Era) -> bool:
        """Tell whether a database that stands at ``now`` forgot what it knew at this moment, and nobody said so yet.

        A later ``restored_at`` is the word of somebody else who noticed.
        """
        if self.restored_at == now.restored_at:
            return self.newest > now.newest
        return now.restored_at is None or (self.restored_at is not None and self.restored_at > now.restored_at)


def era(tx: Transaction) -> Era:
    """Return where the database stands."""
    row = tx.one(_ERA)
    return Era() if row is None else Era(int(row.newest), row.restored_at)


def declare(tx: Transaction, known: datetime | None) -> datetime:
    """Note that the database came out of a back-up, unless somebody did since ``known``; return since when that stands.

    It is now, yet always later than ``known``: what another machine's clock made of that may be ahead.
    """
    at = tx.now if known is None else max(tx.now, known + _TICK)
    tx.run(_DECLARE, known=known, instant=at)
    return era(tx).restored_at or at
