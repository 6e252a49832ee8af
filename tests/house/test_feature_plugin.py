"""The feature plugin counts what ran in full, then passed; it refuses marks that nobody declared."""

import json
from typing import Any

import pytest

from tests.features.catalogue import ROOT
from tests.features.plugin import PARTIAL_REPORT, REPORT, read_mark

XDIST = ["-p", "xdist.plugin", "-n2", "--dist=loadgroup"]
INI = """
[pytest]
testpaths = tests
addopts = --strict-markers -p no:cacheprovider
markers = feature(id, part=None): proves a feature
"""
MARKED = """
import pytest

@pytest.mark.feature("CI-01")
@pytest.mark.parametrize("n", [1, 2])
def test_batch(n): ...

class TestKept:
    @pytest.mark.feature("CI-02", part="whatsapp")
    @pytest.mark.feature("NC-08")
    def test_unknown(self): ...

@pytest.mark.feature("CI-02", part="email")
def test_fails(): assert False

@pytest.mark.feature("CI-03")
def test_skips(): pytest.skip("no server")

@pytest.mark.feature("CI-04")
@pytest.mark.xfail(strict=True)
def test_known_gap(): assert False

@pytest.fixture
def breaks_after():
    yield
    raise ValueError

@pytest.mark.feature("CI-05")
def test_bad_end(breaks_after): ...

def test_unmarked(): ...
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Make a project whose tests carry feature marks."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makefile(".ini", pytest=INI)
    pytester.makeconftest('pytest_plugins = ["tests.features.plugin"]')
    pytester.mkdir("tests").joinpath("test_marked.py").write_text(MARKED)
    return pytester


def report_of(project: pytest.Pytester, name: str = REPORT) -> dict[str, Any]:
    """Read the report that a run left."""
    found: dict[str, Any] = json.loads((project.path / name).read_text())
    return found


@pytest.mark.parametrize("arguments", [[], XDIST], ids=["alone", "xdist"])
def test_a_full_run_records_every_outcome(project: pytest.Pytester, arguments: list[str]) -> None:
    run = project.runpytest(*arguments)

    run.assert_outcomes(passed=5, failed=1, skipped=1, xfailed=1, errors=1)
    there = "tests/test_marked.py::"
    assert report_of(project) == {
        "full": True,
        "features": {
            "CI-01": {"whole": {"passed": [f"{there}test_batch[1]", f"{there}test_batch[2]"]}},
            "CI-02": {
                "email": {"failed": [f"{there}test_fails"]},
                "whatsapp": {"passed": [f"{there}TestKept::test_unknown"]},
            },
            "CI-03": {"whole": {"skipped": [f"{there}test_skips"]}},
            "CI-04": {"whole": {"skipped": [f"{there}test_known_gap"]}},
            "CI-05": {"whole": {"failed": [f"{there}test_bad_end"]}},
            "NC-08": {"whole": {"passed": [f"{there}TestKept::test_unknown"]}},
        },
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ["-k", "batch"],
        ["-m", "feature"],
        ["tests/test_marked.py"],
        ["-x"],
        ["--deselect", "tests/test_marked.py::test_fails"],
    ],
)
def test_a_restricted_run_leaves_the_full_report_alone(project: pytest.Pytester, arguments: list[str]) -> None:
    project.runpytest(*arguments)

    assert not (project.path / REPORT).exists()
    assert report_of(project, PARTIAL_REPORT)["full"] is False


def test_naming_all_test_paths_is_a_full_run(project: pytest.Pytester) -> None:
    project.runpytest("tests")

    assert report_of(project)["full"] is True


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        (pytest.mark.feature("CI-99"), r"no feature 'CI-99'"),
        (pytest.mark.feature("CI-02"), "CI-02 takes part= one of whatsapp, facebook, hibot, email, not 'whole'"),
        (pytest.mark.feature("CI-02", part="fax"), "not 'fax'"),
        (pytest.mark.feature("CI-02", part="email", why="x"), "feature marks look like"),
        (pytest.mark.feature("CI-01", part="whatsapp"), "CI-01 takes no part, not 'whatsapp'"),
        (pytest.mark.feature("CI-01", "CI-03"), "feature marks look like"),
    ],
)
def test_an_undeclared_mark_is_refused(mark: pytest.MarkDecorator, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_mark(mark.mark)


@pytest.mark.parametrize("arguments", [[], XDIST], ids=["alone", "xdist"])
def test_an_undeclared_mark_stops_the_run(project: pytest.Pytester, arguments: list[str]) -> None:
    text = 'import pytest\n\n@pytest.mark.feature("CI-99")\ndef test_it(): ...'
    project.path.joinpath("tests", "test_wrong.py").write_text(text)

    run = project.runpytest(*arguments)

    assert run.ret != pytest.ExitCode.OK
    run.stdout.fnmatch_lines(
        ["*ERROR collecting tests/test_wrong.py*", "*docs/feature_catalogue.toml has no feature 'CI-99'"]
    )
    assert not (project.path / REPORT).exists()
