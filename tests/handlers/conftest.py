"""A desk on a fresh database for every test of a handler."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.clock import FakeClock
from tests.support.desk import Desk
from tests.support.stores import migrated_store


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    clock = FakeClock()
    async with migrated_store(tmp_path, clock) as store:
        yield await Desk(store, clock).open()
