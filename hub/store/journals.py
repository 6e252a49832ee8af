"""What each journal holds, by the word of whoever ingests it; its age by the database's own clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Integer, bindparam, delete, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from hub.store.database_clock import now
from hub.store.tables import journals
from hub.store.transaction import Transaction

SILENT: Final = timedelta(minutes=5)
"""How long a known journal may go without a report before a person has to look."""

_MINE: Final = journals.c.journal == bindparam("of_journal")
_ENROL: Final = (
    insert(journals)
    .values(
        journal=bindparam("of_journal"),
        host=bindparam("on_host"),
        pending=literal(0, Integer),
        pending_since=None,
        reports=literal(0, Integer),
        seen_at=now(),
    )
    .on_conflict_do_nothing(index_elements=["journal"])
)
_REPORT: Final = (
    update(journals)
    .where(_MINE)
    .values(
        host=bindparam("on_host"),
        pending=bindparam("held"),
        pending_since=bindparam("since"),
        reports=journals.c.reports + 1,
        seen_at=now(),
    )
)
_STRIKE: Final = delete(journals).where(_MINE)
_KNOWN: Final = select(journals, now().label("now")).order_by(journals.c.host, journals.c.journal)
_REPORTS: Final = select(journals.c.journal, journals.c.reports)


@dataclass(frozen=True, slots=True)
class Report:
    """What a journal was last heard to hold.

    Attributes:
        pending: Deliveries that are not ingested.
        pending_since: When the oldest of them was accepted.
        silent_for: How long ago that was said.
        waiting_for: How old the oldest of them is.
    """

    journal: str
    host: str
    pending: int
    pending_since: datetime | None
    silent_for: timedelta
    waiting_for: timedelta


def enrol(tx: Transaction, journal: str, host: str) -> None:
    """Make a journal known, unless it is."""
    tx.run(_ENROL, of_journal=journal, on_host=host, now=tx.now)


def report(tx: Transaction, journal: str, host: str, pending: int, since: datetime | None) -> bool:
    """Say what a journal holds; False when it was struck off, or never was known."""
    return tx.run(_REPORT, of_journal=journal, on_host=host, held=pending, since=since, now=tx.now) > 0


def strike(tx: Transaction, journal: str) -> bool:
    """Forget a journal that holds nothing any more; False when it was not known."""
    return tx.run(_STRIKE, of_journal=journal) > 0


def known(tx: Transaction) -> list[Report]:
    """Return what every known journal was last heard to hold."""
    return [
        Report(
            row.journal,
            row.host,
            row.pending,
            row.pending_since,
            row.now - row.seen_at,
            timedelta(0) if row.pending_since is None else max(timedelta(0), row.now - row.pending_since),
        )
        for row in tx.all(_KNOWN, now=tx.now)
    ]


def reports(tx: Transaction) -> dict[str, int]:
    """Return how often each known journal has reported."""
    return {row.journal: row.reports for row in tx.all(_REPORTS)}
