"""Takes Kafka with PostgreSQL away for as long as asked; keeps what was measured as JSON."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.reliability.outage_run import Outage, outage
from tests.support.figures import keep


def torture(seconds: int, seed: int) -> bool:
    """Let each be away for so long; True when the promise was kept."""
    console, load = Console(stderr=True), os.getloadavg()[0]
    folder = Path(tempfile.mkdtemp(prefix=f"outage-{seconds}-"))
    again = f"make torture ENGINE=scale OUTAGE={seconds} SEED={seed}"
    try:
        found = outage(folder, seconds, seed=seed, say=lambda said: console.print(said, highlight=False))
    except BaseException:
        console.print(f"it broke; everything is kept in {folder}; again with: {again}", markup=False)
        raise
    kept = keep(f"torture_outage_{seconds}", {**figures(found, seconds), "load_before": round(load, 1)})
    sys.stdout.write(f"{kept}: {found.webhooks} webhooks, {len(found.verdict.problems)} problems\n")
    for problem in found.verdict.problems:
        console.print(problem, markup=False, highlight=False)
    if found.verdict.problems:
        console.print(f"everything is kept in {folder}; again with: {again}", markup=False)
        return False
    shutil.rmtree(folder)
    return True


def figures(found: Outage, seconds: float) -> dict[str, Any]:
    """Return what a run has seen, as it is kept."""
    verdict = found.verdict
    return {
        "what": "Kafka, then PostgreSQL as well, away under steady load; every line once, in order, or visible",
        "engine": "scale",
        "seed": found.seed,
        "wanted_seconds": seconds,
        "webhooks_per_second": found.rate,
        "webhooks": found.webhooks,
        "webhooks_refused": found.refused,
        "broker_away_seconds": round(found.kafka_seconds, 1),
        "database_away_seconds": round(found.database_seconds, 1),
        "phases": {name: phase.document() for name, phase in found.phases.items()},
        "intake_p99_both_away_against_present": round(found.intake_ratio, 2),
        "first_effect_after_database_seconds": round(found.first_effect_seconds, 2),
        "first_copy_after_broker_seconds": round(found.first_copy_seconds, 2),
        "caught_up_after_database_seconds": round(found.caught_up_seconds, 1),
        "events": verdict.events,
        "lost": verdict.lost,
        "double": verdict.double,
        "out_of_order": verdict.out_of_order,
        "doubtful": verdict.doubtful,
        "doubts": verdict.doubts,
        "copies_repeated": verdict.repeated,
        "problems": len(verdict.problems),
        "seconds": round(found.seconds),
    }
