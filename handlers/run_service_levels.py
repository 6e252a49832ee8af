"""Keeps the clocks of tickets: starts them, warns of a breach before it happens, declares it when it does."""

from __future__ import annotations

from collections.abc import Sequence

from hub.contracts import Handler, Ports
from hub.domain.service_levels import promises
from hub.services import conversations, service_levels
from hub.store.transaction import Transaction
from schemas.envelope import CloudEvent
from schemas.operations import TimerFired
from schemas.replies import ReplyEchoed
from schemas.tickets import TicketOpened


def run_clocks(event: CloudEvent[TicketOpened | TimerFired | ReplyEchoed], tx: Transaction, ports: Ports) -> None:
    """Start the clocks of a new ticket, answer a timer's question about one, or stop what a colleague has met."""
    if isinstance(event.data, TimerFired):
        service_levels.look_at(tx, event.data)
        return
    if isinstance(event.data, ReplyEchoed):
        service_levels.answered(tx, event.data.conversation_id, event.time)
        return
    for promise in promises(ports.policies, event.data.asked_at):
        service_levels.start(tx, event.data, promise)


def look_up(tx: Transaction, facts: Sequence[TicketOpened | TimerFired | ReplyEchoed]) -> None:
    """Read what the clocks of many new tickets need."""
    conversations.look_up_answers(tx, {one.conversation_id for one in facts if isinstance(one, TicketOpened)})


HANDLER = Handler(
    group="run-service-levels",
    types=(TicketOpened, TimerFired, ReplyEchoed),
    handle=run_clocks,
    owner="support",
    look_up=look_up,
)
