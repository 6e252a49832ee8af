"""Kafka with PostgreSQL away under steady load: seconds of it here, half an hour in figures that are kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.reliability.outage_run import outage
from tests.support.figures import FIGURES
from tests.support.postgres import skip_or_fail
from tests.support.postgres_server import NoPostgresError

Test = TypeVar("Test", bound=Callable[..., None])

SECONDS = 15
NEEDED = {"broker_away_seconds": 1800, "database_away_seconds": 600}
"""OP-02 asks for half an hour without a broker, says no length for the database: ten minutes are asked of every run."""


def _longest(away: str) -> Mapping[str, Any]:
    """Return the figures of the longest outage that are kept."""
    every = [json.loads(path.read_text(encoding="utf-8")) for path in FIGURES.glob("torture_outage_*.json")]
    return max(every, key=lambda one: float(one[away]), default={away: 0})


def _proves(part: str, away: str) -> Callable[[Test], Test]:
    """Mark what proves a part of OP-02: seconds do so only beside figures of a long outage."""
    if _longest(away)[away] >= NEEDED[away]:
        return pytest.mark.feature("OP-02", part=part)
    return _as_it_is


def _as_it_is(test: Test) -> Test:
    return test


BROKER, DATABASE = _proves("broker", "broker_away_seconds"), _proves("database", "database_away_seconds")


@pytest.mark.kafka
@pytest.mark.postgres
@pytest.mark.slow
@pytest.mark.xdist_group("scale")
@BROKER
@DATABASE
def test_kafka_then_postgresql_go_away_under_steady_load(tmp_path: Path) -> None:
    """Any length: ``make torture ENGINE=scale OUTAGE=…``."""
    try:
        found = outage(tmp_path, SECONDS)
    except NoPostgresError as error:
        skip_or_fail(str(error))

    verdict = found.verdict
    assert verdict.problems == []
    assert (verdict.lost, verdict.double, verdict.out_of_order) == (0, 0, 0)
    assert verdict.doubts == {}, "nobody died, so nobody need be in doubt"
    assert found.refused == 0, "each webhook was answered 2xx"
    assert found.kafka_seconds >= 2 * SECONDS
    assert found.database_seconds >= SECONDS
    assert found.webhooks >= 2 * SECONDS * found.rate
    assert verdict.events > found.webhooks
    assert all(phase.webhooks > 0 for phase in found.phases.values())
    assert found.phases["Kafka away"].reply_ms[1] > 0, "customers were answered without Kafka"


@BROKER
def test_half_an_hour_without_a_broker_is_kept_as_figures() -> None:
    _judge(_kept("broker_away_seconds"))


@DATABASE
def test_ten_minutes_without_a_database_are_kept_as_figures() -> None:
    _judge(_kept("database_away_seconds"))


@pytest.mark.parametrize("breach", ["lost", "double", "out_of_order", "webhooks_refused", "problems"])
def test_figures_that_tell_of_a_breach_prove_nothing(breach: str) -> None:
    sound = {"lost": 0, "double": 0, "out_of_order": 0, "webhooks_refused": 0, "problems": 0}
    run = {**sound, "commit": "abc1234", "events": 9, "webhooks": 3, "webhooks_per_second": 20}
    _judge(run)

    with pytest.raises(AssertionError):
        _judge({**run, breach: 1})


def _kept(away: str) -> Mapping[str, Any]:
    run = _longest(away)
    if run[away] < NEEDED[away]:
        pytest.skip(f"no run with {away} of {NEEDED[away]} is kept: make torture ENGINE=scale OUTAGE=915")
    return run


def _judge(run: Mapping[str, Any]) -> None:
    for breach in ("lost", "double", "out_of_order", "webhooks_refused", "problems"):
        assert run[breach] == 0, breach
    assert run["events"] > run["webhooks"] > 0
    assert run["webhooks_per_second"] > 0, "it was under load"
    assert not run["commit"].endswith("+changes"), "of a commit that others have"
