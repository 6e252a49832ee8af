"""Opens a ticket for every case whose diagnosis asks for one."""

from __future__ import annotations

from collections.abc import Sequence

from hub.contracts import Handler, Ports
from hub.services import tickets
from hub.store.transaction import Transaction
from schemas.conversations import CaseDiagnosed
from schemas.envelope import CloudEvent


def open_ticket(event: CloudEvent[CaseDiagnosed], tx: Transaction, _ports: Ports) -> None:
    """Open the ticket, unless the case is to be attended without one or has one."""
    if event.data.needs_ticket:
        tickets.open_for(tx, event.data)


def look_up(tx: Transaction, diagnosed: Sequence[CaseDiagnosed]) -> None:
    """Read what the tickets of many cases need."""
    if wanted := [case for case in diagnosed if case.needs_ticket]:
        tickets.look_up(tx, wanted)


HANDLER = Handler(group="open-tickets", types=(CaseDiagnosed,), handle=open_ticket, owner="support", look_up=look_up)
