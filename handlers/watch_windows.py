"""Warns two hours before nobody may answer a customer freely any more."""

from __future__ import annotations

from hub.contracts import Handler, Ports
from hub.services import windows
from hub.store.transaction import Transaction
from schemas.envelope import CloudEvent
from schemas.operations import TimerFired


def look(event: CloudEvent[TimerFired], tx: Transaction, _ports: Ports) -> None:
    """Answer a timer's question about a window; ``attend_conversation`` asks it with each message."""
    windows.look_at(tx, event.data)


HANDLER = Handler(group=windows.GROUP, types=(TimerFired,), handle=look, owner="support")
