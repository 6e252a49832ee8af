"""What the tests of files share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.pipeline.files.rig import Rig, running
from tests.support.engines import ENGINES


@pytest.fixture(params=ENGINES)
async def rig(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    async with running(tmp_path, request.param) as rig:
        yield rig
