"""The feature page says what the last full run has proven, neither more nor less."""

import json
import re
from pathlib import Path

import pytest

from tests.features.catalogue import ROOT, catalogue
from tests.features.plugin import REPORT
from tests.features.render import PAGE, Results, render, run

MANY = {
    "CI-01": {
        "whole": {"passed": ["tests/b.py::test_z[2]", "tests/b.py::test_z[1]@kafka", "tests/a.py::test_y@kafka"]}
    },
    "CI-02": {"whatsapp": {"passed": ["tests/a.py::test_kept"]}, "email": {"failed": ["tests/a.py::test_mail"]}},
    "CI-03": {"whole": {"passed": ["tests/a.py::test_fine"], "failed": ["tests/a.py::test_wrong"]}},
    "CI-04": {"whole": {"skipped": ["tests/a.py::test_not_run"]}},
    "RT-08": {"sqlite": {"passed": ["tests/a.py::test_s"]}, "postgresql": {"passed": ["tests/a.py::test_p"]}},
}


def line_of(feature_id: str, results: Results = MANY) -> str:
    """Return the last cell of a feature's line."""
    (found,) = re.findall(rf"^\| {feature_id} \| .* \| (.*) \|$", render(results), re.MULTILINE)
    return str(found)


def leave_report(root: Path, *, full: bool = True, results: Results = MANY) -> None:
    """Write what a test run would have left."""
    (root / REPORT).parent.mkdir(exist_ok=True)
    (root / REPORT).write_text(json.dumps({"full": full, "features": results}))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an empty checkout, as on a person's machine."""
    monkeypatch.delenv("CI", raising=False)
    (tmp_path / "docs").mkdir()
    return tmp_path


def test_the_catalogue_is_whole() -> None:
    features = catalogue()

    assert len(features) == 156
    assert all(re.fullmatch(r"[A-Z]{2}-\d\d", feature_id) for feature_id in features)
    assert all(len(set(feature.parts)) == len(feature.parts) != 1 for feature in features.values())


def test_the_page_lists_every_feature_once_under_its_heading() -> None:
    page = render({})

    assert re.findall(r"^\| (\S\S-\d\d) \|", page, re.MULTILINE) == list(catalogue())
    assert page.index("## Channels in") < page.index("| CI-01 |") < page.index("## Channels out")
    assert page.count("| not yet |") == 156
    assert page.endswith("\n0 of 156 proven\n")


def test_proofs_are_sorted_without_parameters_or_groups() -> None:
    assert line_of("CI-01") == "`tests/a.py::test_y`, `tests/b.py::test_z`"


def test_a_part_is_shown_but_not_counted() -> None:
    assert line_of("CI-02") == "partly: whatsapp — `tests/a.py::test_kept`"
    assert render(MANY).endswith("\n2 of 156 proven\n")


@pytest.mark.parametrize("feature_id", ["CI-03", "CI-04"], ids=["failed", "skipped"])
def test_a_failed_or_skipped_proof_is_none(feature_id: str) -> None:
    assert line_of(feature_id) == "not yet"


def test_all_parts_make_a_whole() -> None:
    assert line_of("RT-08") == "`tests/a.py::test_p`, `tests/a.py::test_s`"


def test_the_page_is_written_then_found_fresh(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leave_report(root)

    assert run([], root) == 0
    assert run(["--check"], root) == 0

    assert (root / PAGE).read_text() == render(MANY)
    assert capsys.readouterr().out.splitlines()[-1] == "2 of 156 proven"


def test_a_stale_page_is_told(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leave_report(root, results={})
    run([], root)
    leave_report(root)

    assert run(["--check"], root) == 1
    assert "is stale: run `make features`" in capsys.readouterr().err


def test_a_restricted_run_is_refused(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leave_report(root, full=False)

    assert run([], root) == 1
    assert "report of a restricted run" in capsys.readouterr().err
    assert not (root / PAGE).exists()


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("true", 1)])
def test_without_a_report_only_ci_insists(root: Path, monkeypatch: pytest.MonkeyPatch, ci: str, code: int) -> None:
    monkeypatch.setenv("CI", ci)

    assert run(["--check"], root) == code


def test_the_committed_page_has_every_feature() -> None:
    page = ROOT / PAGE

    assert re.findall(r"^\| (\S\S-\d\d) \|", page.read_text(), re.MULTILINE) == list(catalogue())
