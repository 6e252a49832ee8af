"""What the hub says about itself, as events of ``hub.operations`` plus the internal log."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from schemas import topics
from schemas.envelope import EventData
from schemas.fields import Instant

Severity = Literal["info", "warning", "critical"]
ReasonClass = Literal["unreadable", "stale", "permanent", "exhausted", "poison", "foreign", "ours"]


class DeliveryRefused(EventData):
    """A genuine delivery could not be read; it stands among the dead letters."""

    TYPE: ClassVar = "hub.delivery.refused.v1"
    TOPIC: ClassVar = topics.OPERATIONS

    delivery_id: str
    connector: str
    reason: str


class DeadLetterAdded(EventData):
    """Something was given up on until a person decides."""

    TYPE: ClassVar = "hub.dead_letter.added.v1"
    TOPIC: ClassVar = topics.OPERATIONS

    dead_letter_id: str
    origin: str
    group: str
    reason_class: ReasonClass
    reason: str
    owner: str
    next_step_es: str


class ChannelAlerted(EventData):
    """A channel needs a person's attention."""

    TYPE: ClassVar = "hub.channel.alerted.v1"
    TOPIC: ClassVar = topics.OPERATIONS

    connector: str
    asset: str
    alert: str
    explanation_es: str


class AccountChanged(EventData):
    """The provider changed something about an account, a number, a page or a template.

    ``field`` with ``change`` are the provider's words; ``details`` holds what else it told, without addresses.
    """

    TYPE: ClassVar = "hub.account.changed.v1"
    TOPIC: ClassVar = topics.OPERATIONS

    connector: str
    asset: str
    field: str
    change: str
    severity: Severity
    explanation_es: str
    details: dict[str, str] = Field(default_factory=dict)


class PolicyChanged(EventData):
    """A company rule has a new version."""

    TYPE: ClassVar = "hub.policy.changed.v1"
    TOPIC: ClassVar = topics.OPERATIONS

    kind: str
    version: int
    valid_from: Instant


class TimerFired(EventData):
    """An instant that a group had asked for has come; a question to that group, never a fact for others."""

    TYPE: ClassVar = "hub.timer.fired.v1"
    TOPIC: ClassVar = topics.LOG

    group: str
    name: str
    generation: int
    due: Instant
