"""Keeps the clocks of tickets: starts them, warns of a breach before it happens, declares it when it does."""

from __future__ import annotations

from hub.contracts import Handler, Ports
from hub.domain.service_levels import promises
from hub.services import service_levels
from hub.store.transaction import Transaction
from schemas.envelope import CloudEvent
from schemas.operations import TimerFired
from schemas.tickets import TicketOpened


def run_clocks(event: CloudEvent[TicketOpened | TimerFired], tx: Transaction, ports: Ports) -> None:
    """Start the clocks of a new ticket, or answer a timer's question about one."""
    if isinstance(event.data, TimerFired):
        service_levels.look_at(tx, event.data)
        return
    for promise in promises(ports.policies, event.data.asked_at):
        service_levels.start(tx, event.data, promise)


HANDLER = Handler(group="run-service-levels", types=(TicketOpened, TimerFired), handle=run_clocks, owner="support")
