"""Data directories of simulated hubs: a fresh one, or one as a kill left it."""

from __future__ import annotations

import functools
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Final

from hub.domain import business_time
from hub.store import schema
from hub.store.engine import open_engine
from tests.support.clock import MONDAY_MORNING

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a machine without it only takes longer
STORE_ID: Final = "5" * 32

# Targets of minutes instead of hours, so that each clock of a seed comes to its end.
_IMPATIENT: Final = """
UPDATE policies SET body = json_set(
    body, '$.resolution_natural_minutes', 2, '$.first_response_attendance_minutes', 1, '$.warn_at_share', 0.5
) WHERE kind = 'service_levels';
CREATE TABLE sim_handled (
    n INTEGER PRIMARY KEY AUTOINCREMENT, "group" TEXT NOT NULL, key TEXT NOT NULL, event TEXT NOT NULL
);
"""


def folder() -> tempfile.TemporaryDirectory[str]:
    """Return a directory that goes when it is left, in memory where there is such a place."""
    return tempfile.TemporaryDirectory(prefix="hub-simulation-", dir=MEMORY if MEMORY.is_dir() else None)


def fresh(data: Path) -> None:
    """Make a data directory with an empty database of the current schema."""
    data.mkdir(mode=0o700)
    path = data / "hub.db"
    path.touch(mode=0o600)
    path.write_bytes(_template())


def as_killed(dead: Path, data: Path) -> None:
    """Make a data directory with what is on disk at this instant.

    Open transactions are not in it, locks do not count there; whatever the dead still do, they do to their own.
    """
    shutil.copytree(dead, data, ignore=shutil.ignore_patterns("*-shm", "*.lock"))


@functools.cache
def _template() -> bytes:
    business_time.warm()
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "hub.db"
        engine = open_engine(path)
        schema.prepare(engine, store_id=STORE_ID, now=MONDAY_MORNING)
        engine.dispose()
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(_IMPATIENT)
        return path.read_bytes()
