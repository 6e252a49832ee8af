"""Runs every attack at its full size; keeps what came of it as docs/figures/floods.json."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from tests.features.catalogue import ROOT
from tests.reliability.floods import descriptors
from tests.reliability.floods.scenarios import ALL, FULL, SLICE, limits
from tests.reliability.floods.site import Flooded, site
from tests.support.figures import keep

WHAT: Final = (
    "Hostile clients against one hub run (SQLite, shipped limits); genuine: 20 signed new customers a second meanwhile"
)
GENUINE_P99_MS: Final = 500.0


def main() -> None:
    """Attack, account, show, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help=f"names by commas, of {', '.join(ALL)}")
    parser.add_argument("--slice", action="store_true", help="the small sizes of make test; keeps nothing")
    wanted = parser.parse_args()
    scale = SLICE if wanted.slice else FULL
    names = [name for name in wanted.only.split(",") if name] or list(ALL)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 170)
    attacks: dict[str, Any] = {}
    descriptors.raise_own()
    with tempfile.TemporaryDirectory(prefix="hub-floods-", ignore_cleanup_errors=True) as folder:
        with site(Path(folder), limits=limits(scale)) as attacked:
            for number, name in enumerate(names, 1):
                console.print(f"[bold]{number}/{len(names)} {name}[/]: {ALL[name].__doc__}")
                began = time.monotonic()
                flooded = asyncio.run(ALL[name](attacked, scale))
                account = attacked.everything_kept_is_accounted_for(seconds=1800)
                attacks[name] = flooded.document() | {"account": account}
                console.print(f"    {_said(flooded)}; took {time.monotonic() - began:.0f} s")
            lives = attacked.hub.lives
        console.print("[bold]descriptors[/]: 256 for the whole process, twice as many slow sockets")
        few = asyncio.run(descriptors.few(Path(folder) / "few", scale))
        console.print(f"    {_said(few)}")
        attacks["descriptors"] = few.document()
    slowest = max(found["genuine"]["p99_ms"] for found in attacks.values())
    console.print(f"genuine customers, slowest p99: {slowest:.0f} ms (to reach: {GENUINE_P99_MS:.0f} ms)")
    if not wanted.slice:
        kept = keep("floods", {"what": WHAT, "attacks": attacks, "starts_of_the_hub": lives})
        console.print(f"kept: {kept.relative_to(ROOT)}")
    sys.exit(int(any(found["problems"] for found in attacks.values())))


def _said(flooded: Flooded) -> str:
    genuine = flooded.genuine
    return (
        f"genuine p50 {genuine['p50_ms']:.1f} p99 {genuine['p99_ms']:.1f} ms, all of {genuine['answered']} kept; "
        f"memory {flooded.before_megabytes:.0f} MB, at most {flooded.most_megabytes:.0f} MB"
        + "".join(f"; [red]{problem}[/]" for problem in flooded.problems)
    )


if __name__ == "__main__":
    main()
