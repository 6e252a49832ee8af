"""What a company decides about its hub, as typed rules with versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import pairwise
from typing import Any, Final, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: Final[tuple[Weekday, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class _Policy(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Interval(_Policy):
    """Attendance from one wall-clock time up to another on the same day; up to 00:00 means to its end."""

    opens: time
    closes: time

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if self.closes <= self.opens and self.closes != time(0):
            msg = "opens must be before closes; hours past midnight are an interval of the next day"
            raise ValueError(msg)
        return self


class Attendance(_Policy):
    """When people attend (R-C6): several intervals a day, holidays taken out."""

    zone: str
    week: dict[Weekday, tuple[Interval, ...]]
    holiday_country: str | None = Field(
        default=None, pattern=r"^[A-Z]{2}$", description="Country whose public holidays close, e.g. MX."
    )
    closed: tuple[date, ...] = Field(default=(), description="Further days without attendance.")
    open: tuple[date, ...] = Field(default=(), description="Public holidays that are worked after all.")

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError):
            msg = "no such time zone; write one such as America/Mexico_City"
            raise ValueError(msg) from None
        return zone

    @field_validator("week")
    @classmethod
    def _opens_at_all(cls, week: dict[Weekday, tuple[Interval, ...]]) -> dict[Weekday, tuple[Interval, ...]]:
        if not any(week.values()):
            msg = "no day has an interval; nothing could ever be due"
            raise ValueError(msg)
        return week

    @field_validator("week")
    @classmethod
    def _apart(cls, week: dict[Weekday, tuple[Interval, ...]]) -> dict[Weekday, tuple[Interval, ...]]:
        for day, intervals in week.items():
            ordered = tuple(sorted(intervals, key=lambda interval: interval.opens))
            for earlier, later in pairwise(ordered):
                if earlier.closes > later.opens or earlier.closes == time(0):
                    msg = f"{day}: the interval that opens at {later.opens:%H:%M} begins before the one before it ends"
                    raise ValueError(msg)
            week[day] = ordered
        return week


class ServiceLevels(_Policy):
    """How long an answer may take (R-T2, R-T4)."""

    first_response_attendance_minutes: int = Field(gt=0)
    resolution_natural_minutes: int = Field(gt=0)
    warn_at_share: float = Field(gt=0, lt=1, description="Share of the time after which a warning is given (R-T5).")


class Answers(_Policy):
    """What the hub says by itself, in the words of the company."""

    greeting_open: str
    greeting_closed: str
    unsupported: str
    comment_public: str = Field(
        default="¡Gracias por escribirnos! Le contestamos por mensaje privado.",
        description="The one line below a public comment that asks something; the same for everybody, without data.",
    )
    comment_private: str = Field(
        default=(
            "Hola{name}, gracias por su comentario. Le escribimos por aquí para no publicar sus datos: "
            "cuéntenos por favor qué necesita y le atiende una persona de nuestro equipo."
        ),
        description="The one private reply to such a comment.",
    )
    late_after_minutes: int = Field(gt=0, description="Older messages get no automatic greeting (R-C8).")
    templates_a_month: int = Field(
        default=1000, gt=0, description="Template messages a number may send a month before people are told (R-P8)."
    )

    @field_validator("comment_public")
    @classmethod
    def _same_for_everybody(cls, text: str) -> str:
        if "{" in text:
            msg = "everybody reads it: it may not name anyone or anything, so it has no places to fill in"
            raise ValueError(msg)
        return text

    @field_validator("greeting_open", "greeting_closed", "unsupported", "comment_private")
    @classmethod
    def _known_places(cls, text: str) -> str:
        text.format(name="", next_opening="")
        return text


class Folios(_Policy):
    """How tickets are numbered (R-T8)."""

    prefix: str
    first: int = Field(ge=0)


class Intake(_Policy):
    """When a webhook item is too old to act on, or has waited too long for the message it speaks of."""

    stale_after_days: int = Field(gt=0)
    unmatched_after_days: int = Field(
        default=7,
        gt=0,
        description="What speaks of an unknown message waits so long before people are told; it goes on waiting.",
    )


KINDS: Final[dict[str, type[_Policy]]] = {
    "attendance": Attendance,
    "service_levels": ServiceLevels,
    "answers": Answers,
    "folios": Folios,
    "intake": Intake,
}


@dataclass(frozen=True, slots=True)
class Policies:
    """The rules in force at one instant.

    ``version`` is the position of the one that came into force last: equal versions mean equal rules.
    """

    version: int
    attendance: Attendance
    service_levels: ServiceLevels
    answers: Answers
    folios: Folios
    intake: Intake


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """One version of one kind of rule."""

    position: int
    kind: str
    body: Mapping[str, Any]
    valid_from: datetime


class PolicyBook:
    """Every version of every rule, to be opened at an instant."""

    def __init__(self, rows: Iterable[PolicyRow]) -> None:
        """Parse each version once."""
        self._rows = [(row, KINDS[row.kind].model_validate(row.body)) for row in rows if row.kind in KINDS]
        self._rows.sort(key=lambda pair: (pair[0].valid_from, pair[0].position))
        self._cached: dict[int, Policies] = {}

    def at(self, instant: datetime) -> Policies:
        """Return the rules in force; a later version of a kind wins from its ``valid_from`` on.

        Raises:
            LookupError: A kind has no version yet at the instant.
        """
        valid = [(row, policy) for row, policy in self._rows if row.valid_from <= instant]
        # The last to come into force, not the newest: one written earlier for a later day changes the rules that day.
        version = valid[-1][0].position if valid else 0
        if version not in self._cached:
            current = {row.kind: policy for row, policy in valid}
            missing = sorted(set(KINDS) - set(current))
            if missing:
                msg = f"no policy is in force yet for: {', '.join(missing)}"
                raise LookupError(msg)
            self._cached[version] = Policies(version=version, **current)  # type: ignore[arg-type]
        return self._cached[version]
