"""Shows figures as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from tests.benchmarks.figures import Figure, reached, shortened

_WORDS = {"aim": "[green]aim[/]", "reach": "[cyan]reached[/]", "no": "[red]no[/]", None: ""}


def measured(figures: Sequence[Figure]) -> Table:
    """Return what was measured, beside what is to be reached."""
    table = Table("figure", "measured", "±", "reach", "aim", "", "beside it")
    for column in (1, 2, 3, 4):
        table.columns[column].justify = "right"
    for figure in figures:
        kind = figure.kind
        table.add_row(
            kind.label,
            number(figure.value, kind.unit),
            f"{figure.spread:.0%}",
            number(kind.reach, kind.unit),
            number(kind.aim, kind.unit),
            _WORDS[reached(kind, figure.value)],
            beside(figure.document()["baseline"]),
        )
    return table


def compared(rows: Sequence[tuple[str, float, float, float, str]]) -> Table:
    """Return what changed: label, before, now, ratio, verdict."""
    table = Table("figure", "before", "now", "ratio", "")
    for label, before, now, ratio, verdict in rows:
        colour = {"better": "green", "worse": "red"}.get(verdict, "dim")
        shown = (f"{shortened(before):,g}", f"{shortened(now):,g}", f"{ratio:.2f}")
        table.add_row(label, *shown, f"[{colour}]{verdict}[/]")
    return table


def number(value: float | None, unit: str) -> str:
    """Return a number with its unit."""
    return "" if value is None else f"{shortened(value):,g}{'' if unit in {'x', '/s', ''} else ' '}{unit}"


def beside(baseline: Mapping[str, Any]) -> str:
    """Return a baseline in words."""
    return ", ".join(f"{name.replace('_', ' ')} {value:,g}" for name, value in baseline.items())
