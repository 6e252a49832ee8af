"""Reads JSON of Meta without trusting any of it: error bodies, pauses asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from pydantic_core import from_json

MAX_RETRY_AFTER_SECONDS: Final = 86_400.0
_USAGE: Final = "x-business-use-case-usage"
_REGAIN: Final = "estimated_time_to_regain_access"
_SECONDS: Final = re.compile(r"[0-9]{1,9}", re.ASCII)


def read_object(body: bytes | None) -> dict[str, Any]:
    """Return a JSON object, an empty one for anything else."""
    try:
        found = from_json(body or b"", allow_inf_nan=False)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def error_code(value: object) -> int | None:
    """Return a code or subcode, which comes as a number or as digits."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and _SECONDS.fullmatch(value):
        return int(value)
    return value if isinstance(value, int) and 0 <= value < 10**9 else None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that the provider asks to wait; None when it does not say, or says it as a date.

    ``Retry-After`` counts seconds; the usage header counts minutes until access comes back (facts 4.10).
    """
    given = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(given):
        return min(float(given), MAX_RETRY_AFTER_SECONDS)
    minutes = _regained_after(read_object(headers.get(_USAGE, "").encode("utf-8", "replace")))
    return min(minutes * 60.0, MAX_RETRY_AFTER_SECONDS) if minutes else None


def _regained_after(usage: Mapping[str, object]) -> int:
    rows = [row for value in usage.values() if isinstance(value, list) for row in value if isinstance(row, dict)]
    return max((error_code(row.get(_REGAIN)) or 0 for row in rows), default=0)
