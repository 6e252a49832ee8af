"""Sends what was planned for now, unless the customer wrote first."""

from __future__ import annotations

from hub.contracts import Handler, Ports
from hub.services import scheduled
from hub.store.transaction import Transaction
from schemas.envelope import CloudEvent
from schemas.operations import TimerFired


def send(event: CloudEvent[TimerFired], tx: Transaction, _ports: Ports) -> None:
    """Answer a timer's question about a planned message."""
    scheduled.look_at(tx, event.data)


HANDLER = Handler(group=scheduled.GROUP, types=(TimerFired,), handle=send, owner="support")
