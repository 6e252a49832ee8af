"""A migrated store of either engine, for tests that run on both."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from hub.ports import Clock
from tests.support.postgres import a_database, running_postgres_store
from tests.support.stores import migrated_store

ENGINES: Final = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
"""Parameters of a fixture that opens a store by ``a_store``."""


@pytest.fixture(params=ENGINES)
def database(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """Where a whole hub keeps its state: None for its own SQLite file, or a PostgreSQL database's address."""
    if request.param == "sqlite":
        yield None
        return
    with a_database() as url:
        yield url


@contextlib.asynccontextmanager
async def a_store(engine: str, data: Path, clock: Clock | None = None) -> AsyncIterator[Any]:
    """Run a store on a fresh database with the hub's own projections; each function runs twice."""
    from hub.services import projections

    data.mkdir(parents=True, exist_ok=True)
    if engine == "sqlite":
        async with migrated_store(data, clock) as store:
            yield store
        return
    with a_database() as url:
        async with running_postgres_store(url, clock, projections=projections.ALL) as on_postgres:
            yield on_postgres
