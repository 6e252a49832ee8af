"""How pages tell the time: relative up to a day, then by weekday."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

_DAYS: Final = ("lun", "mar", "mié", "jue", "vie", "sáb", "dom")
_MONTHS: Final = ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic")
_DAY: Final = timedelta(days=1)
_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True)
class Watch:
    """The instant of a page, on the clocks of the company."""

    now: datetime
    zone: ZoneInfo

    def ago(self, at: datetime) -> str:
        """Return how long ago something was, or its day when that is long ago."""
        passed = self.now - at
        if passed >= _DAY:
            return self.day(at)
        return "ahora" if passed < _MINUTE else f"hace {lasting(passed)}"

    def left(self, due: datetime) -> str:
        """Return how long is left until an instant, or since when it is over."""
        remaining = due - self.now
        if remaining >= _DAY:
            return f"hasta el {self.day(due)}"
        if remaining > timedelta(0):
            return f"faltan {lasting(remaining)}" if remaining >= _MINUTE else "falta menos de 1 min"
        return f"venció {self.ago(due)}" if -remaining >= _MINUTE else "acaba de vencer"

    def day(self, at: datetime) -> str:
        """Return an instant by weekday, day, hour."""
        local = at.astimezone(self.zone)
        return f"{_DAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]}, {local:%H:%M}"

    def exact(self, at: datetime) -> str:
        """Return an instant to the second with its zone."""
        local = at.astimezone(self.zone)
        day = f"{_DAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]} {local.year}"
        return f"{day}, {local:%H:%M:%S} ({self.zone.key})"


def lasting(length: timedelta) -> str:
    """Return a length of time in hours with minutes."""
    minutes = int(length.total_seconds()) // 60
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes:02}" if hours else f"{minutes} min"
