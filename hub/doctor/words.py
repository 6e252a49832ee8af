"""Says in Spanish what several checks say."""

from __future__ import annotations

from datetime import timedelta

_MINUTE_SECONDS = 60


def age(age: timedelta) -> str:
    """Return how long something lasts, as short as it is useful."""
    seconds = int(age.total_seconds())
    if seconds < _MINUTE_SECONDS:
        return f"{seconds} s"
    minutes, hours = seconds // 60 % 60, seconds // 3600
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"
