"""Slices of every attack on the real process: customers are served, memory is bounded, what was kept is there."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reliability.floods import descriptors
from tests.reliability.floods.scenarios import ALL, SLICE, limits
from tests.reliability.floods.site import Site, site


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One hub for all attacks of a worker: it has to live through them in any order."""
    with site(tmp_path_factory.mktemp("flooded"), limits=limits(SLICE)) as found:
        yield found


@pytest.mark.feature("OP-16")
@pytest.mark.parametrize("name", list(ALL))
def test_customers_are_served_through_an_attack(name: str, attacked: Site) -> None:
    flooded = asyncio.run(ALL[name](attacked, SLICE))

    assert flooded.problems == []
    attacked.everything_kept_is_accounted_for()


@pytest.mark.feature("OP-16")
def test_few_descriptors_are_shared_out(tmp_path: Path) -> None:
    """256 for everything: half of them for the public listener, the rest for disk, pages, providers."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    descriptors.raise_own()
    try:
        flooded = asyncio.run(descriptors.few(tmp_path / "few", SLICE))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

    assert flooded.problems == []
    assert 128 < flooded.facts["open_under_attack"] < 200
