"""Attendance hours against a clock that walks minute by minute."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from hub.domain.business_time import after_attended, is_attended, next_opening
from hub.domain.policies import WEEKDAYS, Attendance, Interval

MINUTE = timedelta(minutes=1)


def hours(*pairs: tuple[str, str]) -> tuple[Interval, ...]:
    """Return intervals from ``("09:00", "14:00")``."""
    return tuple(
        Interval(opens=time.fromisoformat(opens), closes=time.fromisoformat(closes)) for opens, closes in pairs
    )


def every_day(*pairs: tuple[str, str], zone: str = "America/Mexico_City", **more: object) -> Attendance:
    """Return the same hours for each day of the week."""
    return Attendance.model_validate({"zone": zone, "week": dict.fromkeys(WEEKDAYS, hours(*pairs)), **more})


def working_days(*pairs: tuple[str, str], **more: object) -> Attendance:
    """Return the same hours from Monday to Friday."""
    week = dict.fromkeys(WEEKDAYS[:5], hours(*pairs))
    return Attendance.model_validate({"zone": "America/Mexico_City", "week": week, **more})


SPLIT = working_days(("09:00", "14:00"), ("16:00", "19:00"))


def at(text: str, zone: str = "America/Mexico_City") -> datetime:
    """Return a wall-clock time of a zone as an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def on_foot(attendance: Attendance, start: datetime, minutes: int) -> datetime:
    """Return the same as ``after_attended``, found by looking at the wall clock each minute."""
    zone, now, left = ZoneInfo(attendance.zone), start, minutes
    while left:
        local = now.astimezone(zone)
        for interval in attendance.week.get(WEEKDAYS[local.weekday()], ()):
            ends = interval.closes if interval.closes != time(0) else time.max
            if interval.opens <= local.time() < ends:
                left -= 1
                break
        now += MINUTE
    return now


@pytest.mark.feature("TS-03")
@pytest.mark.parametrize(
    ("start", "minutes", "end"),
    [
        ("2026-11-23T09:00", 60, "2026-11-23T10:00"),
        ("2026-11-23T13:30", 60, "2026-11-23T16:30"),
        ("2026-11-23T13:00", 60, "2026-11-23T14:00"),
        ("2026-11-23T14:00", 1, "2026-11-23T16:01"),
        ("2026-11-23T15:00", 60, "2026-11-23T17:00"),
        ("2026-11-23T18:59", 2, "2026-11-24T09:01"),
        ("2026-11-23T23:59:59", 60, "2026-11-24T10:00"),
        ("2026-11-24T00:00", 60, "2026-11-24T10:00"),
        ("2026-11-27T18:00", 120, "2026-11-30T10:00"),
        ("2026-11-28T12:00", 480, "2026-11-30T19:00"),
        ("2026-11-23T08:00", 480 * 5 + 1, "2026-11-30T09:01"),
    ],
)
def test_lunch_nights_or_weekends_do_not_count(start: str, minutes: int, end: str) -> None:
    assert after_attended(SPLIT, at(start), timedelta(minutes=minutes)) == at(end)


@pytest.mark.feature("TS-03")
@pytest.mark.parametrize(
    ("local", "attended", "opening"),
    [
        ("2026-11-23T08:59:59", False, "2026-11-23T09:00"),
        ("2026-11-23T09:00", True, "2026-11-23T09:00"),
        ("2026-11-23T13:59:59", True, "2026-11-23T13:59:59"),
        ("2026-11-23T14:00", False, "2026-11-23T16:00"),
        ("2026-11-23T16:00", True, "2026-11-23T16:00"),
        ("2026-11-23T19:00", False, "2026-11-24T09:00"),
        ("2026-11-28T12:00", False, "2026-11-30T09:00"),
    ],
)
def test_hours_include_their_beginning_but_not_their_end(local: str, attended: bool, opening: str) -> None:  # noqa: FBT001
    assert is_attended(SPLIT, at(local)) is attended
    assert next_opening(SPLIT, at(local)) == at(opening)


@pytest.mark.feature("TS-03")
def test_a_night_in_which_the_clock_goes_forward_is_an_hour_shorter() -> None:
    """Tijuana, 2026-03-08: 02:00 becomes 03:00."""
    night = every_day(("00:00", "06:00"), zone="America/Tijuana")

    def local(text: str) -> datetime:
        return at(text, "America/Tijuana")

    assert after_attended(night, local("2026-03-08T01:30"), timedelta(hours=1)) == local("2026-03-08T03:30")
    assert after_attended(night, local("2026-03-08T00:00"), timedelta(hours=5)) == local("2026-03-08T06:00")
    assert after_attended(night, local("2026-03-08T00:00"), timedelta(hours=6)) == local("2026-03-09T01:00")


@pytest.mark.feature("TS-03")
def test_a_night_in_which_the_clock_goes_back_is_an_hour_longer() -> None:
    """Tijuana, 2026-11-01: 02:00 becomes 01:00."""
    night = every_day(("00:00", "06:00"), zone="America/Tijuana")
    start = at("2026-11-01T00:00", "America/Tijuana")

    assert after_attended(night, start, timedelta(hours=7)) == at("2026-11-01T06:00", "America/Tijuana")
    assert after_attended(night, start, timedelta(hours=8)) == at("2026-11-02T01:00", "America/Tijuana")


def test_a_start_in_local_time_is_summed_in_real_time() -> None:
    always = every_day(("00:00", "00:00"), zone="America/Tijuana")
    start = datetime(2026, 3, 8, 1, 30, tzinfo=ZoneInfo("America/Tijuana"))

    assert after_attended(always, start, timedelta(hours=1)) == at("2026-03-08T03:30", "America/Tijuana")


@pytest.mark.feature("TS-03")
@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from(["America/Mexico_City", "America/Tijuana", "Europe/Madrid", "Pacific/Auckland"]),
    start=st.integers(0, 2 * 365 * 24 * 60).map(lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + minutes * MINUTE),
    minutes=st.integers(1, 1500),
    pairs=st.sampled_from(
        [
            (("09:00", "14:00"), ("16:00", "19:00")),
            (("00:00", "04:00"), ("22:00", "00:00")),
            (("00:00", "00:00"),),
            (("00:30", "01:45"), ("01:45", "03:10"), ("23:00", "23:59")),
        ]
    ),
)
def test_it_agrees_with_the_clock_on_the_wall(
    zone: str, start: datetime, minutes: int, pairs: tuple[tuple[str, str], ...]
) -> None:
    attendance = every_day(*pairs, zone=zone)

    assert after_attended(attendance, start, timedelta(minutes=minutes)) == on_foot(attendance, start, minutes)


def statutory(year: int) -> set[date]:
    """Return the obligatory days of rest of Mexico's labour law, article 74; election days are set by other laws."""

    def monday(month: int, number: int) -> date:
        first = date(year, month, 1)
        return first + timedelta(days=-first.weekday() % 7 + 7 * (number - 1))

    days = {date(year, month, day) for month, day in ((1, 1), (5, 1), (9, 16), (12, 25))}
    days |= {monday(2, 1), monday(3, 3), monday(11, 3)}
    return days | ({date(year, 10, 1)} if year % 6 == 2 else set())


@pytest.mark.feature("TS-04")
@pytest.mark.parametrize("year", range(2024, 2037))
def test_every_statutory_day_is_closed_while_all_others_are_open(year: int) -> None:
    attendance = every_day(("09:00", "18:00"), holiday_country="MX")
    days = [date(year, 1, 1) + timedelta(days=number) for number in range(365)]

    closed = {day for day in days if not is_attended(attendance, at(f"{day}T12:00"))}

    assert closed == statutory(year)


@pytest.mark.feature("TS-04")
def test_a_movable_monday_moves_what_is_due() -> None:
    """2026: Revolution Day is the 20th of November, its Monday the 16th."""
    attendance = working_days(("09:00", "18:00"), holiday_country="MX")

    assert after_attended(attendance, at("2026-11-13T17:30"), timedelta(hours=1)) == at("2026-11-17T09:30")
    assert is_attended(attendance, at("2026-11-20T12:00"))


@pytest.mark.feature("TS-04")
def test_the_company_closes_or_works_when_it_says_so() -> None:
    attendance = working_days(
        ("09:00", "18:00"), holiday_country="MX", closed=("2026-12-24", "2026-12-31"), open=("2026-11-16",)
    )

    assert not is_attended(attendance, at("2026-12-24T12:00"))
    assert after_attended(attendance, at("2026-12-23T17:59"), timedelta(minutes=2)) == at("2026-12-28T09:01")
    assert is_attended(attendance, at("2026-11-16T12:00"))
    assert not is_attended(attendance, at("2026-05-01T12:00"))


@pytest.mark.parametrize(
    ("week", "why"),
    [
        ({"mon": hours(("09:00", "14:00"), ("13:00", "19:00"))}, "before the one before it ends"),
        ({"mon": hours(("16:00", "00:00"), ("18:00", "19:00"))}, "before the one before it ends"),
        ({}, "no day has an interval"),
        ({"mon": ()}, "no day has an interval"),
        ({"mon": [{"opens": "18:00", "closes": "09:00"}]}, "opens must be before closes"),
        ({"mon": [{"opens": "09:00", "closes": "09:00"}]}, "opens must be before closes"),
    ],
)
def test_hours_that_make_no_sense_are_refused(week: object, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Attendance.model_validate({"zone": "America/Mexico_City", "week": week})


def test_a_zone_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValidationError, match="no such time zone"):
        every_day(("09:00", "18:00"), zone="America/Cholula")


def test_intervals_may_come_in_any_order() -> None:
    swapped = working_days(("16:00", "19:00"), ("09:00", "14:00"))

    assert swapped == SPLIT


def test_hours_that_never_come_are_said_to_be_so() -> None:
    closed = tuple(str(date(2026, 11, 23) + timedelta(days=number)) for number in range(900))
    with pytest.raises(ValueError, match="within 800 days"):
        next_opening(working_days(("09:00", "18:00"), closed=closed), at("2026-11-23T00:00"))
