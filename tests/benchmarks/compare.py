"""Tells what changed against the figures that the last commit keeps."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from tests.benchmarks.figures import NOISE_FLOOR, Figure
from tests.features.catalogue import ROOT

Row = tuple[str, float, float, float, str]


def kept() -> Mapping[str, Any]:
    """Return the figures of the last commit; none when it has none."""
    command = ["git", "show", "HEAD:docs/figures/bench.json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return dict(json.loads(done.stdout)["figures"]) if done.returncode == 0 else {}


def rows(before: Mapping[str, Any], now: Sequence[Figure]) -> list[Row]:
    """Return each figure that both have: label, before, now, ratio, whether it is better beyond noise."""
    found = []
    for figure in now:
        old = before.get(figure.name)
        if old is None or not old["value"]:
            continue
        ratio = figure.value / old["value"]
        found.append((figure.kind.label, float(old["value"]), figure.value, ratio, verdict(figure, old, ratio)))
    return found


def verdict(figure: Figure, old: Mapping[str, Any], ratio: float) -> str:
    """Return ``better``, ``worse`` or ``same``: a change within what the rounds differ by is none."""
    noise = max(NOISE_FLOOR, figure.spread + float(old["spread"]))
    if abs(ratio - 1) <= noise:
        return "same"
    return "better" if (ratio < 1) == (figure.kind.better == "less") else "worse"
