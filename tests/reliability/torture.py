"""Kills a hub thousands of times over all cores, each run from its own seed; keeps the count as JSON."""

from __future__ import annotations

import multiprocessing
import shutil
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tests.reliability.kill_run import kill_often
from tests.support.figures import keep
from tests.support.hub_process import die_with_us

KILLS_A_RUN: Final = 20


@dataclass(frozen=True)
class Ran:
    """What a run says to the process that asked for it.

    Attributes:
        kept: Where a run that broke the promise has left everything, empty for a sound one.
    """

    seed: int
    kills: int = 0
    lines: int = 0
    stranded: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    deaths: Counter[str] = field(default_factory=Counter)
    problems: tuple[str, ...] = ()
    kept: str = ""


def run_once(seed: int, kills: int) -> Ran:
    """Run one seed in a directory of its own, which stays only when the promise was broken."""
    directory = Path(tempfile.mkdtemp(prefix=f"torture-{seed}-"))
    try:
        report = kill_often(directory, seed, kills)
    except Exception as error:  # noqa: BLE001 - whatever it is, this seed has failed; the others go on
        return Ran(seed, problems=(f"{type(error).__name__}: {error}",), kept=str(directory))
    if not report.verdict.problems:
        shutil.rmtree(directory)
    return Ran(
        seed,
        report.kills,
        sum(map(len, report.evidence.said.values())),
        len(report.evidence.stranded),
        report.verdict.ends,
        report.deaths,
        tuple(report.verdict.problems),
        str(directory) if report.verdict.problems else "",
    )


def torture(kills: int, seed: int, jobs: int) -> bool:
    """Kill so often, in runs of some kills each from seeds that count up; True when the promise was kept."""
    began = time.monotonic()
    console = Console(stderr=True)
    sizes = [min(KILLS_A_RUN, kills - done) for done in range(0, kills, KILLS_A_RUN)]
    ran: list[Ran] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with (
        Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console) as progress,
        ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), die_with_us) as pool,
    ):
        task = progress.add_task("kills", total=kills)
        futures: list[Future[Ran]] = [pool.submit(run_once, seed + number, size) for number, size in enumerate(sizes)]
        for future in as_completed(futures):
            one = future.result()
            ran.append(one)
            progress.advance(task, one.kills)
            for problem in one.problems[:5]:
                console.print(f"seed {one.seed}: {problem}", markup=False, highlight=False)
            if one.problems:
                again = f"make torture KILLS={sizes[one.seed - seed]} SEED={one.seed}"
                console.print(f"seed {one.seed}: everything is kept in {one.kept}; again with: {again}", markup=False)
    figures = _figures(ran, kills, seed, jobs, time.monotonic() - began)
    sys.stdout.write(f"{keep('torture_kills', figures)}: {figures['kills']} kills, {figures['problems']} problems\n")
    return not figures["failed_seeds"]


def _figures(ran: list[Ran], kills: int, seed: int, jobs: int, seconds: float) -> dict[str, Any]:
    done = sum(one.kills for one in ran)
    return {
        "what": "a hub killed under traffic in runs of a seed each: every line must end once, in order, or be visible",
        "engine": "embedded",
        "wanted_kills": kills,
        "kills": done,
        "runs": len(ran),
        "kills_a_run": KILLS_A_RUN,
        "first_seed": seed,
        "jobs": jobs,
        "seconds": round(seconds),
        "kills_per_second": round(done / seconds, 2),
        "lines_accepted": sum(one.lines for one in ran),
        "calls_cut_by_kills": sum(one.stranded for one in ran),
        "ends": dict(sum((one.ends for one in ran), Counter())),
        "deaths": dict(sum((one.deaths for one in ran), Counter())),
        "problems": sum(len(one.problems) for one in ran),
        "failed_seeds": sorted(one.seed for one in ran if one.problems),
    }
