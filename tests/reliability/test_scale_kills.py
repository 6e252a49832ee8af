"""A hub at scale whose processes, broker, database are killed under traffic loses nothing, doubles nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.reliability import scale_bugs
from tests.reliability.reaper import SERVICES, VICTIMS
from tests.reliability.scale_bugs import ANSWERS_FIRST, CALLS_AGAIN, SAYS_SENT
from tests.reliability.scale_run import kill_at_scale
from tests.support.postgres import skip_or_fail
from tests.support.postgres_server import NoPostgresError

KILLS = len(VICTIMS) + len(SERVICES)
"""Each dies once at least: a service may take another one with it."""


@pytest.mark.kafka
@pytest.mark.postgres
@pytest.mark.xdist_group("scale")
@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_random_at_scale_the_hub_keeps_its_promise(seed: int, tmp_path: Path) -> None:
    """Any number: ``make torture ENGINE=scale KILLS=…``."""
    try:
        report = kill_at_scale(tmp_path, seed, KILLS)
    except NoPostgresError as error:
        skip_or_fail(str(error))

    assert report.problems == []
    assert report.deaths.total() >= KILLS
    assert set(report.deaths) == set(VICTIMS)
    assert report.lines >= 2 * KILLS


@pytest.mark.kafka
@pytest.mark.postgres
@pytest.mark.xdist_group("scale")
@pytest.mark.parametrize(
    ("bug", "victims", "found"),
    [
        (ANSWERS_FIRST, ("receiver",), "heard "),
        (SAYS_SENT, ("relay",), "subscribers lack events"),
        (CALLS_AGAIN, ("effects",), "was taken "),
    ],
)
def test_kills_find_what_they_should(bug: str, victims: tuple[str, ...], found: str, tmp_path: Path) -> None:
    program = (sys.executable, "-m", scale_bugs.__name__, bug)
    try:
        report = kill_at_scale(tmp_path, 1, 4, victims=victims, program=program, patience_seconds=20)
    except NoPostgresError as error:
        skip_or_fail(str(error))

    assert any(found in problem for problem in report.problems), report
