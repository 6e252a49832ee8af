"""How long each version of the Graph API lives."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final

from hub.contracts import Checked

# META-GRAPH changelog/versions (facts 1.8), seen in November 2026; None: not announced.
LIVES_UNTIL: Final[dict[str, date | None]] = {
    "v26.0": None,
    "v25.0": date(2028, 7, 29),
    "v24.0": date(2028, 2, 18),
    "v23.0": date(2027, 10, 8),
    "v22.0": date(2027, 5, 20),
    "v21.0": date(2027, 1, 21),
    "v20.0": date(2026, 9, 24),
}
WARNED_BEFORE: Final = timedelta(days=90)
_CURE: Final = "Pon una versión vigente, por ejemplo v26.0, en {knob}."


def check_version(version: str, knob: str, now: datetime) -> Checked:
    """Tell whether a version is known, for how long it lives."""
    cure = _CURE.format(knob=knob)
    if version not in LIVES_UNTIL:
        return Checked("version", "warning", f"El hub no conoce la versión {version} de Graph API.", cure)
    end = LIVES_UNTIL[version]
    if end is None or end - now.date() > WARNED_BEFORE:
        return Checked(
            "version", "ok", f"Graph API {version}" + (f", vigente hasta el {end}." if end else ", vigente.")
        )
    if end <= now.date():
        return Checked("version", "wrong", f"La versión {version} de Graph API se retiró el {end}.", cure)
    return Checked("version", "warning", f"La versión {version} de Graph API se retira el {end}.", cure)
