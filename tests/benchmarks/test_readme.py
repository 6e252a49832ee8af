"""The README tells the figures that were measured, all of them."""

from __future__ import annotations

import pytest

from tests.benchmarks.figures import KINDS, reached
from tests.benchmarks.readme import BEGIN, END, README, kept, rewritten


@pytest.mark.feature("DE-04")
def test_the_readme_tells_the_kept_figures() -> None:
    readme = README.read_text(encoding="utf-8")

    assert readme.count(BEGIN) == readme.count(END) == 1
    assert readme == rewritten(readme, kept()), "run python -m tests.benchmarks.readme"


@pytest.mark.feature("DE-04")
def test_the_kept_figures_are_all_there_judged_by_today_s_bars() -> None:
    figures = kept()["figures"]

    assert set(figures) == set(KINDS)
    for name, one in figures.items():
        kind = KINDS[name]
        assert (one["label"], one["unit"], one["reach"], one["aim"]) == (kind.label, kind.unit, kind.reach, kind.aim)
        assert one["reached"] == reached(kind, one["value"]), name
        assert one["baseline"], "each stands beside a baseline"


def test_another_figure_changes_the_section() -> None:
    found = kept()
    found["figures"]["drain.rate"]["value"] = 12_345

    assert "12,345/s" in rewritten(README.read_text(encoding="utf-8"), found)
