"""The store's contract, kept on both engines."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hub.ports import Store
from tests.contracts.store import StoreContract
from tests.contracts.store.base import PROJECTIONS
from tests.support.clock import FakeClock
from tests.support.postgres import a_database, running_postgres_store
from tests.support.stores import migrated, running_store


@pytest.mark.feature("OP-06", part="sqlite")
class TestSqliteStore(StoreContract):
    """One SQLite file, one writer thread."""

    @pytest.fixture
    async def store(self, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Store]:
        async with running_store(migrated(tmp_path), clock, projections=PROJECTIONS) as store:
            yield store


@pytest.mark.postgres
@pytest.mark.feature("OP-06", part="postgresql")
class TestPostgresStore(StoreContract):
    """One PostgreSQL database, a thread a transaction."""

    @pytest.fixture
    async def store(self, clock: FakeClock) -> AsyncIterator[Store]:
        with a_database() as url:
            async with running_postgres_store(url, clock, projections=PROJECTIONS) as store:
                yield store
