"""Runs the benchmarks: all, or those named by ``--only``."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from rich.console import Console

from tests.benchmarks import (
    compare,
    consumed,
    drain,
    imports,
    intake,
    latency,
    memory,
    messages,
    relay,
    reply,
    scale,
    start,
    table,
)
from tests.benchmarks.figures import Figure
from tests.benchmarks.place import FULL, TINY, Place, Size
from tests.benchmarks.services import Absent
from tests.features.catalogue import ROOT
from tests.support import figures as keeping


class Benchmark(Protocol):
    """What each module gives."""

    SAYS: str

    def run(self, place: Place) -> list[Figure]:
        """Measure."""


ALL: Final[Mapping[str, Any]] = {
    "intake": intake,
    "latency": latency,
    "messages": messages,
    "reply": reply,
    "drain": drain,
    "relay": relay,
    "consumed": consumed,
    "memory": memory,
    "start": start,
    "imports": imports,
    "scale": scale,
}
WHAT: Final = (
    "Each figure is the median of its rounds, taken beside the baseline named with it; a message is a new customer's"
)


def measure(name: str, size: Size, say: Callable[[str], None]) -> list[Figure]:
    """Run one benchmark in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="hub-bench-", ignore_cleanup_errors=True) as folder:
        found: list[Figure] = ALL[name].run(Place(size, Path(folder), say))
    return found


def main() -> None:
    """Run, show, keep or compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help=f"names by commas, of {', '.join(ALL)}")
    parser.add_argument("--compare", action="store_true", help="keep nothing; tell what changed since the last commit")
    parser.add_argument("--tiny", action="store_true", help="keep nothing; only see that it runs")
    wanted = parser.parse_args()
    names = [name.strip() for name in wanted.only.split(",") if name.strip()] or list(ALL)
    unknown = sorted(set(names) - set(ALL))
    if unknown:
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(ALL)}")
    console = Console(soft_wrap=False, width=None if sys.stdout.isatty() else 170, highlight=False)
    found: list[Figure] = []
    load = os.getloadavg()[0]
    for number, name in enumerate(names, 1):
        console.print(f"[bold]{number}/{len(names)} {name}[/]: {ALL[name].SAYS}")
        began = time.monotonic()
        try:
            found += measure(name, TINY if wanted.tiny else FULL, lambda said: console.print(f"    {said}"))
        except Absent as reason:
            console.print(f"    left out: {reason}")
        console.print(f"    took {time.monotonic() - began:.0f} s")
    console.print(table.measured(found))
    if wanted.compare:
        _compare(console, found)
    elif not wanted.tiny:
        console.print(f"kept: {_keep(found, load).relative_to(ROOT)}")


def _compare(console: Console, found: Sequence[Figure]) -> None:
    before = compare.kept()
    if not before:
        console.print("the last commit keeps no figures to compare with")
        return
    console.print(table.compared(compare.rows(before, found)))


def _keep(found: Sequence[Figure], load: float) -> Path:
    """Write what was measured over what was kept of it; the run before stays beside the reports."""
    path = keeping.FIGURES / "bench.json"
    before: dict[str, Any] = {}
    if path.exists():
        before = json.loads(path.read_text())["figures"]
        reports = ROOT / ".reports"
        reports.mkdir(exist_ok=True)
        shutil.copy(path, reports / "bench.before.json")
    taken = {figure.name: figure.document() for figure in found}
    kept = {"what": WHAT, "load_before": round(load, 1), "figures": {**before, **taken}}
    return keeping.keep("bench", kept)


if __name__ == "__main__":
    main()
