"""Tickets with their service levels, as events of ``hub.tickets`` plus ``hub.service_levels``."""

from __future__ import annotations

from typing import ClassVar, Literal

from schemas import topics
from schemas.conversations import CaseKind
from schemas.envelope import EventData
from schemas.fields import Channel, CustomerText, Instant

ClockName = Literal["first_response", "resolution"]
ClockUnit = Literal["attendance", "natural"]


class TicketOpened(EventData):
    """A case needs follow-up under a folio."""

    TYPE: ClassVar = "hub.ticket.opened.v1"
    TOPIC: ClassVar = topics.TICKETS

    ticket_id: str
    folio: str
    case_id: str
    conversation_id: str
    contact_id: str
    channel: Channel
    kind: CaseKind
    title: CustomerText
    asked_at: Instant


class _Clock(EventData):
    TOPIC: ClassVar = topics.SERVICE_LEVELS

    clock_id: str
    ticket_id: str
    folio: str
    conversation_id: str
    name: ClockName
    due_at: Instant


class ClockStarted(_Clock):
    """A promise to the customer began to run."""

    TYPE: ClassVar = "hub.clock.started.v1"

    warn_at: Instant
    unit: ClockUnit
    target_minutes: int
    policy_version: int


class ClockWarned(_Clock):
    """Most of the promised time has passed."""

    TYPE: ClassVar = "hub.clock.warned.v1"


class ClockBreached(_Clock):
    """The promised time is over."""

    TYPE: ClassVar = "hub.clock.breached.v1"


class ClockMet(_Clock):
    """What was promised was done in time."""

    TYPE: ClassVar = "hub.clock.met.v1"

    met_at: Instant
