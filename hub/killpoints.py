"""Named points of the path at which a test may kill the process."""

from __future__ import annotations

import os
import signal
from typing import Final

VARIABLE: Final = "HUB_TEST_KILL_AT"
"""``point`` or ``point:n``: die by SIGKILL when the point is reached for the n-th time."""

POINTS: Final = (
    "intake.received",
    "journal.before_commit",
    "journal.committed",
    "ingest.before_commit",
    "ingest.committed",
    "consumer.before_commit",
    "consumer.committed",
    "effect.sending",
    "effect.answered",
    "effect.settled",
    "timer.before_commit",
    "timer.committed",
    "migration.before_commit",
    "stop.draining",
)

_point = ""
_left = 0


def arm(text: str) -> None:
    """Die at ``point`` or ``point:n``; with an empty text at none. What a process inherits by a fork is armed anew."""
    global _point, _left  # noqa: PLW0603 - one countdown a process
    _point, _, count = text.partition(":")
    _left = int(count or 1) if _point else 0


def reached(point: str) -> None:
    """Do nothing, unless a test armed this point."""
    global _left  # noqa: PLW0603 - one countdown a process
    if not _point or point != _point:
        return
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)


arm(os.environ.get(VARIABLE, ""))
