"""A desk on a fresh database for every test of a handler."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.clock import FakeClock
from tests.support.desk import Desk
from tests.support.engines import ENGINES, a_store


@pytest.fixture(params=ENGINES)
async def desk(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    clock = FakeClock()
    async with a_store(request.param, tmp_path, clock) as store:
        yield await Desk(store, clock).open()
