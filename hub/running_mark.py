"""The file by which a role learns that its last process died."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

from hub.errors import StoreUnavailable


@contextlib.contextmanager
def running_mark(data: Path, role: str) -> Iterator[bool]:
    """Tell whether the last process of the role stopped cleanly; note that this one runs.

    One that gave up over its database stopped cleanly: three such starts must not make a poison of what they had
    in hand.
    """
    mark = data / f"{role}.running"
    was_clean = not mark.exists()
    mark.touch(mode=0o600)
    try:
        yield was_clean
    except StoreUnavailable:
        mark.unlink(missing_ok=True)
        raise
    except asyncio.CancelledError:
        # A start that was called off has had nothing in hand, yet does not settle what the process before it had.
        if was_clean:
            mark.unlink(missing_ok=True)
        raise
    mark.unlink(missing_ok=True)
