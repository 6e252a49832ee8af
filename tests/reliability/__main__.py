"""Reads what ``make torture`` was asked for."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from tests.reliability import outage_torture, scale_torture, storm, torture
from tests.support.figures import keep

_STORM_KILLS: Final = 10
_HANDLED: Final = 10_000


def main() -> int:
    """Run what is asked for; 1 when the promise was broken."""
    parser = argparse.ArgumentParser(prog="make torture", description=__doc__)
    parser.add_argument("--engine", choices=["embedded", "scale"], default="embedded")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--outage", type=int, default=0)
    parser.add_argument("--storm", type=int, default=0)
    parser.add_argument("--backlog", type=int, default=0)
    given = parser.parse_args()
    if not (given.kills or given.outage or given.storm or given.backlog):
        parser.error("name what to do: KILLS=2000, STORM=1000000 or BACKLOG=1000000; with ENGINE=scale OUTAGE=600")
    if given.engine == "scale":
        if given.storm or given.backlog:
            parser.error("ENGINE=scale goes with KILLS or OUTAGE")
        kept = [
            not given.kills or scale_torture.torture(given.kills, given.seed),
            not given.outage or outage_torture.torture(given.outage, given.seed),
        ]
        return 0 if all(kept) else 1
    if given.outage:
        parser.error("OUTAGE goes with ENGINE=scale: the embedded hub has nothing that could go away")
    kept = [
        not given.kills or torture.torture(given.kills, given.seed, given.jobs),
        not given.storm or _storm(given.storm, given.seed),
        not given.backlog or _backlog(given.backlog),
    ]
    return 0 if all(kept) else 1


def _storm(events: int, seed: int) -> bool:
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="storm-") as folder, console.status(f"a storm of {events} events"):
        found = storm.storm(Path(folder), seed, events, _STORM_KILLS)
    sys.stdout.write(f"{keep('torture_storm', storm.figures(found, _STORM_KILLS))}: {len(found.problems)} problems\n")
    for problem in found.problems[:20]:
        console.print(problem, markup=False, highlight=False)
    if found.problems:
        console.print(f"again with: make torture STORM={events} SEED={seed}")
    return not found.problems


def _backlog(count: int) -> bool:
    """Ingest all of it, then a smaller one through every group as well; each in a process whose memory is its own."""
    with Console(stderr=True).status(f"a backlog of {count} deliveries"):
        ingested = _drain("--deliveries", str(count))
        handled = _drain("--deliveries", str(min(count, _HANDLED)), "--handled")
    figures = {
        "what": "long messages drained from a journal: by ingest alone, then fewer by every group; no effect leaves",
        "engine": "embedded",
        "ingested": ingested,
        "handled": handled,
    }
    sys.stdout.write(f"{keep('torture_backlog', figures)}: {ingested['published']} of {count} published\n")
    return bool(ingested["published"] == count)


def _drain(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.ingest_backlog", *arguments]
    found: dict[str, Any] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    return found


if __name__ == "__main__":
    sys.exit(main())
