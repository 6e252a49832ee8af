"""Attendance hours: when people attend, how long until an amount of attended time has passed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from hub.domain.policies import WEEKDAYS, Attendance

_HORIZON_DAYS: Final = 800


def warm(country: str = "MX") -> None:
    """Load the calendar of a country's holidays: its second of CPU belongs to no transaction."""
    _holidays(country, 2000)


def is_attended(attendance: Attendance, instant: datetime) -> bool:
    """Tell whether somebody attends at the instant."""
    opens, closes = _next_interval(attendance, instant)
    return opens <= instant < closes


def next_opening(attendance: Attendance, instant: datetime) -> datetime:
    """Return when attendance begins next, in its own zone; the instant itself while it is on."""
    opens, _ = _next_interval(attendance, instant)
    return max(opens, instant).astimezone(ZoneInfo(attendance.zone))


def after_attended(attendance: Attendance, start: datetime, amount: timedelta) -> datetime:
    """Return the UTC instant at which ``amount`` of attended time has passed since ``start``."""
    left = amount
    for opens, closes in _intervals(attendance, start):
        begin = max(opens, start)
        if closes - begin >= left:
            # In UTC: a sum within one local zone would follow its wall clock through a time change.
            return begin.astimezone(UTC) + left
        left -= closes - begin
    msg = f"attendance has no {amount} within {_HORIZON_DAYS} days"
    raise ValueError(msg)


def _next_interval(attendance: Attendance, instant: datetime) -> tuple[datetime, datetime]:
    for opens, closes in _intervals(attendance, instant):
        return opens, closes
    msg = f"attendance never opens within {_HORIZON_DAYS} days"
    raise ValueError(msg)


def _intervals(attendance: Attendance, start: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield intervals that end after ``start``, in UTC, so that a time change within one is counted exactly."""
    first = start.astimezone(ZoneInfo(attendance.zone)).date()
    for days in range(_HORIZON_DAYS):
        for opens, closes in _intervals_of(_Same(attendance), first + timedelta(days=days)):
            if closes > start:
                yield opens, closes


class _Same:
    """Attendance as a key of a cache: the same object, since its tables have no hash."""

    __slots__ = ("attendance",)

    def __init__(self, attendance: Attendance) -> None:
        self.attendance = attendance

    def __hash__(self) -> int:
        return id(self.attendance)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.attendance is self.attendance


@lru_cache(maxsize=1024)
def _intervals_of(same: _Same, day: date) -> tuple[tuple[datetime, datetime], ...]:
    attendance = same.attendance
    if _is_closed(attendance, day):
        return ()
    zone = ZoneInfo(attendance.zone)
    found = []
    for interval in attendance.week.get(WEEKDAYS[day.weekday()], ()):
        opens = datetime.combine(day, interval.opens, zone).astimezone(UTC)
        last_day = day if interval.closes > interval.opens else day + timedelta(days=1)
        found.append((opens, datetime.combine(last_day, interval.closes, zone).astimezone(UTC)))
    return tuple(found)


def _is_closed(attendance: Attendance, day: date) -> bool:
    if day in attendance.open:
        return False
    if day in attendance.closed:
        return True
    return attendance.holiday_country is not None and day in _holidays(attendance.holiday_country, day.year)


@lru_cache(maxsize=64)
def _holidays(country: str, year: int) -> frozenset[date]:
    # Imported at first use: only roles that tell time need the library.
    from holidays import country_holidays

    return frozenset(country_holidays(country, years=year))
