"""Each benchmark runs at a tiny size, its figures are sane; nothing here is a timed assertion."""

from __future__ import annotations

import math

import pytest

from tests.benchmarks import compare
from tests.benchmarks.__main__ import ALL, measure
from tests.benchmarks.figures import KINDS, Figure, reached
from tests.benchmarks.place import TINY
from tests.benchmarks.services import Absent
from tests.support.kafka.absent import give_up

_BOTH = (pytest.mark.kafka, pytest.mark.postgres)
SERVICES = {"relay": _BOTH, "consumed": _BOTH, "scale": (*_BOTH, pytest.mark.slow, pytest.mark.xdist_group("scale"))}


@pytest.mark.parametrize("name", [pytest.param(name, marks=SERVICES.get(name, ())) for name in ALL])
def test_a_benchmark_gives_every_figure_of_its_name(name: str) -> None:
    said: list[str] = []

    try:
        figures = measure(name, TINY, said.append)
    except Absent as reason:
        give_up(str(reason))

    assert {figure.name for figure in figures} == {kind for kind in KINDS if kind.startswith(f"{name}.")}
    for figure in figures:
        assert math.isfinite(figure.value), figure
        assert figure.value > 0, figure
        assert figure.baseline, "each stands beside a baseline"
        assert all(value > 0 for value in figure.baseline.values()), figure
    if name == "intake":
        assert _of(figures, "intake.cpu_ratio") > 1, "a durable accept costs more than a bare answer"
        assert _of(figures, "intake.rate_share") > 0


def test_every_figure_belongs_to_a_benchmark() -> None:
    assert {name.partition(".")[0] for name in KINDS} == set(ALL)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("intake.cpu_ratio", 2.5, "aim"),
        ("intake.cpu_ratio", 2.6, "reach"),
        ("intake.cpu_ratio", 3.6, "no"),
        ("drain.rate", 1000, "aim"),
        ("drain.rate", 999, "reach"),
        ("drain.rate", 399, "no"),
        ("imports.cli", 1, None),
    ],
)
def test_a_figure_says_which_bar_it_reaches(name: str, value: float, expected: str | None) -> None:
    assert reached(KINDS[name], value) == expected


@pytest.mark.parametrize(
    ("name", "rounds", "verdict"),
    [
        ("drain.rate", [200.0, 200.0], "better"),
        ("drain.rate", [50.0, 50.0], "worse"),
        ("drain.rate", [109.0, 109.0], "same"),
        ("drain.rate", [80.0, 140.0, 200.0], "same"),
        ("reply.p50", [50.0, 50.0], "better"),
        ("reply.p50", [200.0, 200.0], "worse"),
    ],
)
def test_a_change_counts_beyond_the_noise_only(name: str, rounds: list[float], verdict: str) -> None:
    before = {name: {"value": 100.0, "spread": 0.0}}

    (row,) = compare.rows(before, [Figure(name, rounds)])

    assert row[-1] == verdict


def _of(figures: list[Figure], name: str) -> float:
    return next(figure.value for figure in figures if figure.name == name)
