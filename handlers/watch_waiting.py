"""Raises an alarm when something waits too long for the message it speaks of."""

from __future__ import annotations

from hub.contracts import Handler, Ports
from hub.services import unmatched
from hub.store.transaction import Transaction
from schemas.envelope import CloudEvent
from schemas.operations import TimerFired


def look(event: CloudEvent[TimerFired], tx: Transaction, _ports: Ports) -> None:
    """Answer a timer's question about an asset; ingest asks it with the first item that waits there."""
    unmatched.look_at(tx, event.data)


HANDLER = Handler(group=unmatched.GROUP, types=(TimerFired,), handle=look, owner="operations")
