"""Runs kills at scale seed after seed; keeps the count as JSON."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

from rich.console import Console

from tests.reliability.scale_run import Report, kill_at_scale
from tests.support.figures import keep

KILLS_A_RUN: Final = 25


def torture(kills: int, seed: int) -> bool:
    """Kill so often, in runs of some kills each from seeds that count up; True when the promise was kept."""
    began, console, ran = time.monotonic(), Console(stderr=True), []
    with console.status("kills at scale") as status:
        for number, done in enumerate(range(0, kills, KILLS_A_RUN)):
            ran.append(_once(seed + number, min(KILLS_A_RUN, kills - done), console, status.update))
    figures = {
        "what": "processes by role, broker, database killed under traffic; every line once, in order, or visible",
        "engine": "scale",
        "wanted_kills": kills,
        "first_seed": seed,
        "kills": sum(one.deaths.total() for one in ran),
        "deaths": dict(sum((one.deaths for one in ran), Counter())),
        "lines_accepted": sum(one.lines for one in ran),
        "doubtful": sum(one.doubtful for one in ran),
        "copies_repeated": sum(one.repeated for one in ran),
        "problems": sum(len(one.problems) for one in ran),
        "failed_seeds": sorted(one.seed for one in ran if one.problems),
        "seconds": round(time.monotonic() - began),
    }
    sys.stdout.write(f"{keep('torture_scale', figures)}: {figures['kills']} kills, {figures['problems']} problems\n")
    return not figures["failed_seeds"]


def _once(seed: int, kills: int, console: Console, say: Callable[[str], None]) -> Report:
    folder = Path(tempfile.mkdtemp(prefix=f"scale-{seed}-"))
    try:
        report = kill_at_scale(folder, seed, kills, say)
    except Exception as error:  # noqa: BLE001 - whatever it is, this seed has failed; the others go on
        report = Report(seed, problems=[f"{type(error).__name__}: {error}"])
    for problem in report.problems[:5]:
        console.print(f"seed {seed}: {problem}", markup=False, highlight=False)
    if report.problems:
        again = f"make torture ENGINE=scale KILLS={kills} SEED={seed}"
        console.print(f"seed {seed}: everything is kept in {folder}; again with: {again}", markup=False)
    else:
        shutil.rmtree(folder)
    return report
