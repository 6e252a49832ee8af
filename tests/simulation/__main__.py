"""Runs any number of seeds, or replays one with everything that happened: ``--seeds N --first F`` or ``--seed S``."""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.simulation.simulation import Outcome, simulate, stand_by
from tests.support.figures import keep

_SAY_EVERY: Final = 100


@dataclass
class Tally:
    """What came out of all seeds so far."""

    seeds: int = 0
    virtual_seconds: float = 0.0
    lives: int = 0
    events: int = 0
    handled: int = 0
    failed: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Count one more."""
        self.seeds += 1
        self.virtual_seconds += outcome.virtual_seconds
        self.lives += outcome.lives
        self.events += outcome.events
        self.handled += outcome.handled
        if outcome.problems:
            self.failed.append(outcome)


def replay(seed: int) -> int:
    """Print all that happened in one seed."""
    outcome = simulate(seed, keep_trace=True)
    for line in (*outcome.lines, f"trace {outcome.trace}", *(f"broken: {problem}" for problem in outcome.problems)):
        sys.stdout.write(line + "\n")
    return bool(outcome.problems)


def run(first: int, count: int, jobs: int) -> int:
    """Run seeds beside each other, show how far they are, keep the figures."""
    console, tally, started = Console(), Tally(), time.monotonic()
    columns = (TextColumn("seeds"), MofNCompleteColumn(), TextColumn("{task.fields[found]}"), TimeRemainingColumn())
    progress = Progress(*columns, console=console, disable=not console.is_terminal)
    with contextlib.suppress(KeyboardInterrupt), progress:
        task = progress.add_task("", total=count, found="none failed")
        for outcome in outcomes(range(first, first + count), jobs):
            tally.add(outcome)
            for problem in outcome.problems[:3]:
                console.print(f"seed {outcome.seed}: {problem}", highlight=False, markup=False)
            if outcome.problems:
                console.print(f"replay it with: make simulate SEED={outcome.seed}", highlight=False)
            progress.update(task, advance=1, found=f"{len(tally.failed) or 'none'} failed")
            if not console.is_terminal and tally.seeds % _SAY_EVERY == 0:
                console.print(f"{tally.seeds} seeds, {len(tally.failed)} failed")
    seconds = time.monotonic() - started
    figures = {
        "what": "the whole hub in one thread from one seed, with kills, outages, duplicates, delays by the seed",
        "first_seed": first,
        "seeds": tally.seeds,
        "failures": len(tally.failed),
        "failed_seeds": [outcome.seed for outcome in tally.failed],
        "seconds": round(seconds, 1),
        "processes": jobs,
        "virtual_seconds": round(tally.virtual_seconds),
        "virtual_seconds_per_second": round(tally.virtual_seconds / seconds, 1),
        "lives": tally.lives,
        "events_stated": tally.events,
        "events_handled": tally.handled,
    }
    path = keep("simulation", figures)
    console.print(
        f"{tally.seeds} seeds in {seconds:.0f} s: {len(tally.failed)} failed, {tally.lives} lives, "
        f"{tally.handled} events handled; figures in {path.name}",
        soft_wrap=True,
    )
    return bool(tally.failed)


def outcomes(seeds: Iterable[int], jobs: int) -> Iterator[Outcome]:
    """Yield how each seed ended, in their order."""
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=stand_by) as pool:
        try:
            yield from pool.map(simulate, seeds, chunksize=4)
        finally:
            pool.shutdown(cancel_futures=True)


def main() -> int:
    """Do what the command line asks."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="replay this one, with its trace")
    parser.add_argument("--seeds", type=int, default=1000, help="how many (default: %(default)s)")
    parser.add_argument("--first", type=int, default=1, help="the first of them (default: %(default)s)")
    parser.add_argument(
        "--jobs", type=int, default=min(2, os.cpu_count() or 1), help="processes (default: %(default)s)"
    )
    asked = parser.parse_args()
    # However it is told to stop, it tells of the seeds that it ran.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return replay(asked.seed) if asked.seed is not None else run(asked.first, asked.seeds, asked.jobs)


if __name__ == "__main__":
    sys.exit(main())
