"""Measures the time from the command to a hub that says it is ready."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from tests.benchmarks.figures import Figure
from tests.benchmarks.place import Place
from tests.features.catalogue import ROOT
from tests.support.ports import free_ports

SAYS: Final = "the installed command hub run, from the start of the process to its line that it is ready"
READY: Final = b"The hub is ready"


def run(place: Place) -> list[Figure]:
    """Start on fresh directories, then again on the same; an empty Python is the baseline."""
    rounds = place.size.rounds
    _started(place, place.folder / "compiled")
    fresh, existing, python = [], [], []
    for number in range(rounds):
        data = place.folder / f"start-{number}"
        python.append(_empty_python())
        fresh.append(_started(place, data))
        existing.append(_started(place, data))
        place.say(f"round {number + 1} of {rounds}: fresh {fresh[-1]:.2f} s, existing {existing[-1]:.2f} s")
    baseline = {"empty_python_seconds": sorted(python)[rounds // 2]}
    return place.figures({"start.existing": existing, "start.fresh": fresh}, baseline)


def _started(place: Place, data: Path) -> float:
    """Return the seconds of one start; the hub is stopped cleanly again."""
    webhook, private, simulator = free_ports(3)
    environment = {
        **os.environ,
        **place.environment(),
        "HUB_WEBHOOK_PORT": str(webhook),
        "HUB_PRIVATE_PORT": str(private),
        "HUB_SIMULATOR_PORT": str(simulator),
    }
    installed = Path(sys.executable).parent / "hub"
    command = [str(installed)] if installed.exists() else [sys.executable, "-m", "hub"]
    began = time.perf_counter()
    with subprocess.Popen(
        [*command, "run", "--data", str(data)],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            seconds = time.perf_counter() - began
            assert line.startswith(READY), line
            process.terminate()
            process.wait(30)
        finally:
            process.kill()
    return seconds


def _empty_python() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return time.perf_counter() - began
