"""Measures what importing the hub costs each command."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Final

from tests.benchmarks.figures import Figure
from tests.benchmarks.place import Place
from tests.features.catalogue import ROOT

SAYS: Final = "a fresh Python that imports the command line, one that imports all of hub run, less an empty Python"


def run(place: Place) -> list[Figure]:
    """Take turns, so that all three meet the same machine."""
    rounds = place.size.rounds
    cli, everything, empty = [], [], []
    _imported("hub.cli.main")
    _imported("hub.cli.starting")
    for _ in range(rounds):
        empty.append(_imported("sys"))
        cli.append(_imported("hub.cli.main") - empty[-1])
        everything.append(_imported("hub.cli.starting") - empty[-1])
    place.say(f"command line {min(cli):.2f} s, hub run {min(everything):.2f} s, empty {min(empty):.3f} s")
    baseline = {"empty_python_seconds": sorted(empty)[rounds // 2]}
    return place.figures({"imports.cli": cli, "imports.run": everything}, baseline)


def _imported(module: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True, cwd=ROOT)
    return time.perf_counter() - began
