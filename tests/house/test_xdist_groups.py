"""Tests of one ``xdist_group`` run in one worker."""

import re

import pytest

from tests.features.catalogue import ROOT

GROUPED = """
import os, pytest

@pytest.mark.xdist_group("one")
@pytest.mark.parametrize("n", range(8))
def test_it(n): print("ran in", os.environ["PYTEST_XDIST_WORKER"])
"""


def workers_of(pytester: pytest.Pytester, *plugins: str) -> set[str]:
    """Return the workers that ran the group's tests."""
    run = pytester.runpytest("-p", "xdist.plugin", *plugins, "-n2", "--dist=loadgroup", "-rP")
    run.assert_outcomes(passed=8)
    return set(re.findall(r"^ran in (\w+)$", run.stdout.str(), re.MULTILINE))


@pytest.fixture(autouse=True)
def grouped(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a project whose tests are one group."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(test_grouped=GROUPED)


def test_a_group_stays_together(pytester: pytest.Pytester) -> None:
    assert len(workers_of(pytester, "-p", "tests.xdist_groups")) == 1


def test_the_plugin_is_still_needed(pytester: pytest.Pytester) -> None:
    assert len(workers_of(pytester)) == 2, "xdist keeps groups by itself again: drop tests/xdist_groups.py"
