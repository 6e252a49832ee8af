"""Which promises run for a ticket, until when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.domain import business_time
from hub.domain.policies import Policies
from schemas.tickets import ClockName, ClockUnit


@dataclass(frozen=True, slots=True)
class Promise:
    """One clock: its target with the instants at which it warns, then breaks."""

    name: ClockName
    unit: ClockUnit
    target_minutes: int
    warn_at: datetime
    due_at: datetime


def promises(policies: Policies, asked_at: datetime) -> Iterator[Promise]:
    """Yield the promises that run from the customer's message on (R-T2, R-T4)."""
    levels = policies.service_levels
    first = timedelta(minutes=levels.first_response_attendance_minutes)
    yield Promise(
        name="first_response",
        unit="attendance",
        target_minutes=levels.first_response_attendance_minutes,
        warn_at=business_time.after_attended(policies.attendance, asked_at, first * levels.warn_at_share),
        due_at=business_time.after_attended(policies.attendance, asked_at, first),
    )
    whole = timedelta(minutes=levels.resolution_natural_minutes)
    yield Promise(
        name="resolution",
        unit="natural",
        target_minutes=levels.resolution_natural_minutes,
        warn_at=asked_at + whole * levels.warn_at_share,
        due_at=asked_at + whole,
    )
