"""Many kills in a row under traffic: at every named point, at random, at start, at stop, during calls."""

from __future__ import annotations

import itertools
import sys
from functools import partial
from pathlib import Path

import pytest

from tests.reliability import echo, kill_run
from tests.reliability.deaths import Death
from tests.reliability.kill_run import Report, kill_often
from tests.support.hub_process import HubProcess

FORKED_KILLS = 20
WHOLE_KILLS = 6


@pytest.mark.feature("OP-01")
@pytest.mark.feature("OP-05")
@pytest.mark.feature("OP-15")
@pytest.mark.feature("DE-02")
@pytest.mark.parametrize("seed", range(1, 10))
def test_killed_twenty_times_the_hub_loses_nothing_doubles_nothing(seed: int, tmp_path: Path) -> None:
    report = kill_often(tmp_path, seed, FORKED_KILLS)

    assert report.kills == FORKED_KILLS
    assert report.deaths["clean"], "no clean stop under load"
    _assert_kept(report)


@pytest.mark.feature("OP-01")
@pytest.mark.feature("OP-05")
def test_whole_processes_keep_the_promise_as_forks_do(tmp_path: Path) -> None:
    report = kill_often(tmp_path, 100, WHOLE_KILLS, partial(HubProcess, program=(sys.executable, "-m", echo.__name__)))

    assert report.kills == WHOLE_KILLS
    _assert_kept(report)


@pytest.mark.parametrize("point", ["ingest.before_commit:1", "consumer.before_commit:1"])
def test_kills_that_always_meet_the_first_in_hand_are_not_taken_for_its_fault(
    point: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kill_run, "plan", lambda _: itertools.repeat(Death("point", point, 0.8)))

    report = kill_often(tmp_path, 1, 6)

    assert report.deaths["spared"], "three in a row would have been quarantined, as they should"
    assert report.verdict.problems == []


def _assert_kept(report: Report) -> None:
    """See that every line came to an end that a person sees; make torture with the seed repeats the plan."""
    assert report.verdict.problems == [], f"make torture KILLS={report.kills} SEED={report.seed}"
    ends = report.verdict.ends
    assert set(ends) <= {"effect seen", "doubtful", "dead letter"}
    assert ends["effect seen"] + ends["doubtful"] == sum(map(len, report.evidence.said.values()))
    assert ends["doubtful"] <= len(report.evidence.stranded)
