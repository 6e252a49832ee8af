"""Looks at a running hub's store with its journal: what waits, whether all is accounted for, as gauges too."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.engine import Row

from hub import discovery
from hub.errors import JournalUnavailable
from hub.pipeline.journal import Cursor, JournalMismatch, JournalReader
from hub.ports import Clock, Store
from hub.services import backlog, channels
from hub.services import balance as balances
from hub.services.backlog import Backlog
from hub.services.balance import Balance, JournalCount
from hub.store import deliveries, journals
from hub.store.journals import SILENT, Report
from hub.telemetry import metrics

_SEVERITIES: Final = ("warning", "critical")
_STATES: Final = ("intent", "sending", "unknown")


@dataclass(frozen=True)
class Waiting:
    """What waits in the journal, with what waits behind it.

    Attributes:
        pending: Deliveries that are not yet ingested; None where there is no journal, or it cannot be read.
        pending_since: When the oldest of them was accepted.
        journal: Id of the journal beside this process, None where there is none.
        journals: What every known journal has reported, that one among them.
        alerts: What providers tell of their accounts that a person has to look at.
    """

    pending: int | None
    pending_since: datetime | None
    backlog: Backlog
    journal: str | None = None
    journals: Sequence[Report] = ()
    alerts: Sequence[Row[Any]] = ()


def types_by_group() -> dict[str, frozenset[str]]:
    """Return the event types of each group that this code has a handler for."""
    return {name: handler.type_names for name, handler in discovery.handlers().items()}


async def waiting(store: Store, reader: JournalReader) -> Waiting:
    """Return what waits now.

    Raises:
        StoreUnavailable: The database cannot serve now.
    """
    types = types_by_group()
    journal = await asyncio.to_thread(lambda: reader.journal_id)
    cursor, found, reports, alerts = await store.read(
        lambda tx: (
            deliveries.cursor(tx, journal) if journal else None,
            backlog.measure(tx, types),
            journals.known(tx),
            channels.open_alerts(tx),
        )
    )
    pending, since = None, None
    if journal is not None:
        # Whoever ingests says what is wrong with the journal; here it only means that nothing can be told of it.
        with contextlib.suppress(JournalUnavailable, JournalMismatch):
            pending = await asyncio.to_thread(_pending, reader, cursor)
            if pending:
                since = await asyncio.to_thread(_oldest, reader, cursor)
    return Waiting(pending, since, found, journal, reports, alerts)


async def oldest_pending(store: Store, reader: JournalReader) -> tuple[datetime | None, int | None]:
    """Return when the oldest delivery that is not yet ingested came, with how many there are; None for no journal.

    Raises:
        StoreUnavailable: The database cannot serve now.
        JournalUnavailable: The journal cannot be read now.
        JournalMismatch: The journal is not the one that the database speaks of.
    """
    journal = await asyncio.to_thread(lambda: reader.journal_id)
    if journal is None:
        return None, None
    row = await store.read(lambda tx: deliveries.cursor(tx, journal))
    return await asyncio.to_thread(_oldest, reader, row), await asyncio.to_thread(_pending, reader, row)


async def balance(store: Store, reader: JournalReader) -> Balance:
    """Return the whole account; goes over the whole log.

    Raises:
        StoreUnavailable: The database cannot serve now.
        JournalUnavailable: The journal cannot be read now.
    """
    types = types_by_group()
    journal = await asyncio.to_thread(lambda: reader.journal_id)
    if journal is None:
        return await store.read(lambda tx: balances.measure(tx, types, None))
    # The writer goes on meanwhile: what it had before the look with what it has after it are the bounds.
    before = await asyncio.to_thread(reader.total)
    cursor = await store.read(lambda tx: deliveries.cursor(tx, journal))
    pending = await asyncio.to_thread(_pending, reader, cursor)
    after = await asyncio.to_thread(reader.total)
    ingested = 0 if cursor is None else int(cursor.ingested)
    counted = JournalCount(journal, before, after, ingested, pending)
    return await store.read(lambda tx: balances.measure(tx, types, counted))


async def show(store: Store, reader: JournalReader, clock: Clock) -> Waiting:
    """Set the gauges to what waits now, then return it."""
    found = await waiting(store, reader)
    metrics.journal_pending.set(found.pending or 0)
    metrics.silent_journals.set(sum(one.silent_for > SILENT for one in found.journals))
    metrics.open_dead.set(found.backlog.dead_letters)
    for severity in _SEVERITIES:
        metrics.open_alerts.labels(severity).set(sum(one.severity == severity for one in found.alerts))
    for state in _STATES:
        metrics.open_effects.labels(state).set(found.backlog.effects.get(state, (0,))[0])
    now = clock.now()
    for group in found.backlog.groups:
        metrics.lag.labels(group.group).set(group.waiting - group.held_events)
        age = 0.0 if group.oldest_at is None else max(0.0, (now - group.oldest_at).total_seconds())
        metrics.oldest.labels(group.group).set(age)
        metrics.held.labels(group.group).set(group.held_keys)
        metrics.paused.labels(group.group).set(int(group.state == "paused"))
    return found


def _pending(reader: JournalReader, row: Row[Any] | None) -> int:
    return reader.pending(_cursor(row))


def _oldest(reader: JournalReader, row: Row[Any] | None) -> datetime | None:
    entries = reader.read(_cursor(row), rows=1, size=1)
    return entries[0].delivery.received_at if entries else None


def _cursor(row: Row[Any] | None) -> Cursor | None:
    return None if row is None else Cursor(row.segment, row.segment_id, row.row, row.item)
