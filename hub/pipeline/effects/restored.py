"""Keeps a database that came out of a back-up from saying again what it may have said before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy.engine import Row

from hub.pipeline.effects import settle
from hub.store import effects, events
from hub.store.transaction import Transaction, UnitOfWork
from schemas import ids
from schemas.operations import TimerFired

WHY: Final = "the database was restored from a back-up; whether this was sent before is not in it"
_AT_ONCE: Final = 256
_LONGEST_CHAIN: Final = 32


class Restored:
    """Doubts effects whose reason is older than the restored hub's first start; a person releases them."""

    def __init__(self, since: datetime | None) -> None:
        """Take the instant of that start; None for a database that never was restored."""
        self._since = since

    @property
    def since(self) -> datetime | None:
        """When the restored hub started first."""
        return self._since

    def doubt_some(self, unit: UnitOfWork) -> int:
        """Doubt what the back-up itself held as not sent yet; return how many, 0 when there are no more."""
        if self._since is None:
            return 0
        tx = unit.begin(settle.LONE_ORIGIN)
        rows = [row for row in effects.asked_before(tx, self._since, _AT_ONCE) if not _is_released(tx, row)]
        for row in rows:
            settle.doubt(unit, row, WHY)
        return len(rows)

    def sift(self, unit: UnitOfWork, rows: Sequence[Row[Any]]) -> list[Row[Any]]:
        """Return which of these effects may be sent; doubt the others."""
        if self._since is None:
            return list(rows)
        tx = unit.begin(settle.LONE_ORIGIN)
        fresh = []
        for row in rows:
            if _is_released(tx, row) or self._is_new(tx, row):
                fresh.append(row)
            else:
                settle.doubt(unit, row, WHY)
        return fresh

    def _is_new(self, tx: Transaction, row: Row[Any]) -> bool:
        """Follow the causes of an effect back to what came in, or came due."""
        if self._since is None or row.requested_at < self._since:
            return False
        cause = row.cause
        for _ in range(_LONGEST_CHAIN):
            event = events.get(tx, cause) if cause else None
            if event is None:
                return True
            if event.type == TimerFired.TYPE or (event.causation or "").startswith("dl_"):
                return bool(min(event.receivedat, event.time) >= self._since)
            cause = event.causation
        return True


def _is_released(tx: Transaction, row: Row[Any]) -> bool:
    """Tell whether a person has already decided that it goes out."""
    return events.get(tx, ids.effect_event_id(row.id, row.attempts, settle.DOUBTFUL)) is not None
