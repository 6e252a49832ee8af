"""Real SQLite stores for tests, migrated once a process."""

from __future__ import annotations

import contextlib
import functools
import gc
import tempfile
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Final

from hub import discovery
from hub.domain import business_time
from hub.ports import Clock
from hub.store import prepared, schema
from hub.store.engine import open_engine
from hub.store.sqlite import SqliteStore
from hub.store.transaction import Projection
from tests.support.clock import MONDAY_MORNING, FakeClock

STORE_ID: Final = "5" * 32


@functools.cache
def _template() -> bytes:
    business_time.warm()
    discovery.handlers()
    # A full collection walks all that pytest has loaded, in whichever thread it strikes: no job's fault.
    gc.freeze()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hub.db"
        engine = open_engine(path)
        schema.prepare(engine, store_id=STORE_ID, now=MONDAY_MORNING)
        prepared.warm_up(engine.dialect)
        engine.dispose()
        return path.read_bytes()


def migrated(data: Path) -> Path:
    """Return the path of a fresh database in a data directory, with the current schema, the shipped policies."""
    data.mkdir(parents=True, exist_ok=True)
    path = data / "hub.db"
    path.touch(mode=0o600)
    path.write_bytes(_template())
    return path


@contextlib.asynccontextmanager
async def running_store(
    path: Path,
    clock: Clock | None = None,
    *,
    projections: Iterable[Projection] = (),
    rehearse: bool = True,
    look_seconds: float = 0.02,
) -> AsyncIterator[SqliteStore]:
    """Run a store on a migrated file: each function runs twice, none may hold the writer for long."""
    store = SqliteStore(
        path, clock or FakeClock(), projections=projections, rehearse=rehearse, look_seconds=look_seconds
    )
    async with store.running():
        yield store
    assert list(store.slow_jobs) == []


@contextlib.asynccontextmanager
async def migrated_store(data: Path, clock: Clock | None = None) -> AsyncIterator[SqliteStore]:
    """Run a store on a fresh database in a data directory, with the hub's own projections."""
    from hub.services import projections

    async with running_store(migrated(data), clock, projections=projections.ALL) as store:
        yield store
