"""What the live page shows, in a handful of queries however much there is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import bindparam, select
from sqlalchemy.engine import Row

from hub.store.deliveries import COUNTS
from hub.store.tables import clocks, deliveries, events
from hub.store.transaction import Transaction

# Without headers or body: a page of deliveries of three megabytes each would be read for a line each.
_DELIVERIES: Final = (
    select(
        deliveries.c.id,
        deliveries.c.connector,
        deliveries.c.received_at,
        deliveries.c.state,
        *(deliveries.c[name] for name in COUNTS),
    )
    .order_by(deliveries.c.position.desc())
    .limit(bindparam("limit"))
)
_FIRST_TYPE: Final = (
    select(events.c.type)
    .where(events.c.causation > bindparam("first"), events.c.causation < bindparam("last"))
    .limit(1)
)
_CLOCKS: Final = (
    select(clocks).where(clocks.c.ticket_id.in_(bindparam("tickets", expanding=True))).order_by(clocks.c.due_at)
)


def recent_deliveries(tx: Transaction, limit: int) -> Sequence[Row[Any]]:
    """Return the newest deliveries, newest first, without what was in them."""
    return tx.all(_DELIVERIES, limit=limit)


def first_type(tx: Transaction, delivery_id: str) -> str | None:
    """Return the type of an event that an item of a delivery became; None when none did."""
    # Items are DELIVERY/0, DELIVERY/1 …; the character after the slash is the zero.
    row = tx.one(_FIRST_TYPE, first=f"{delivery_id}/", last=f"{delivery_id}0")
    return None if row is None else str(row.type)


def clocks_of(tx: Transaction, ticket_ids: Iterable[str]) -> dict[str, list[Row[Any]]]:
    """Return the clocks of tickets, the most pressing first."""
    wanted = list(ticket_ids)
    found: dict[str, list[Row[Any]]] = {ticket: [] for ticket in wanted}
    for row in tx.all(_CLOCKS, tickets=wanted) if wanted else ():
        found[row.ticket_id].append(row)
    return found
