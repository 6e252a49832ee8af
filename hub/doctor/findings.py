"""What one check found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

Level = Literal["ok", "warning", "wrong", "misconfigured"]

_EXIT_CODES: Final[dict[Level, int]] = {"ok": 0, "warning": 0, "wrong": 1, "misconfigured": 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about one thing, with the next step when there is one.

    Attributes:
        check: Stable name of the check, for scripts.
        what_es: What is so.
        cure_es: What to do; empty when nothing is to be done.
    """

    check: str
    level: Level
    what_es: str
    cure_es: str = ""


def ok(check: str, what_es: str) -> Finding:
    """Return a finding that needs nobody."""
    return Finding(check, "ok", what_es)


def warning(check: str, what_es: str, cure_es: str) -> Finding:
    """Return a finding to look at when there is time."""
    return Finding(check, "warning", what_es, cure_es)


def wrong(check: str, what_es: str, cure_es: str) -> Finding:
    """Return a finding that a person has to act on."""
    return Finding(check, "wrong", what_es, cure_es)


def misconfigured(check: str, what_es: str, cure_es: str) -> Finding:
    """Return a finding for which the hub would not start."""
    return Finding(check, "misconfigured", what_es, cure_es)


def exit_code(findings: Iterable[Finding]) -> int:
    """Return 0 when nothing is wrong, 1 when something is, 2 when the configuration is."""
    return max((_EXIT_CODES[finding.level] for finding in findings), default=0)
