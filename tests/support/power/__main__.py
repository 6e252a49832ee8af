"""Cuts the power of recorded hubs thousands of times, or one time again."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

from tests.support.figures import keep
from tests.support.power import careless_hub as ways
from tests.support.power.cuts import Cut, cuts
from tests.support.power.judge import FORGOTTEN, LOST, judge
from tests.support.power.recording import Recording, record
from tests.support.power.recovery import recover

_RECORDED_FOR: Final = 1000
"""So many cuts come from one recording."""

_CARELESS_CUTS: Final = 500
_EVERY: Final = 50
"""One cut in so many is also recovered from, by a hub that is started on it."""


def _problems(recording: Recording, cut: Cut, *, whole: bool) -> list[str]:
    """Judge the disk as it lies, then start a hub on it."""
    found = [f"{problem.kind}: {problem.text}" for problem in judge(cut.data, cut.witness)]
    if whole and not found:
        found = asyncio.run(recover(cut.data, cut.witness, recording.environment))
    return found


def _torture(folder: Path, count: int, seed: int) -> dict[str, Any]:
    totals: Counter[str] = Counter()
    failures: list[str] = []
    for first in range(0, count, _RECORDED_FOR):
        own = seed + first // _RECORDED_FOR
        recording = record(folder / f"recording-{own}", way=ways.SOUND, seed=own, roles=("all", "all"))
        numbers = range(min(_RECORDED_FOR, count - first))
        failed = False
        for cut in cuts(recording, own, numbers):
            problems = _problems(recording, cut, whole=cut.number % _EVERY == 0)
            totals.update(cuts=1, recovered_by_a_hub=cut.number % _EVERY == 0, failed=bool(problems))
            if problems:
                failed = True
                failures.append(
                    f"{problems}\nagain: python -m tests.support.power --recording {recording.folder} "
                    f"--seed {own} --cut {cut.number}"
                )
            answered, called = cut.witness.answered.total(), cut.witness.called.total()
        totals.update(recordings=1, answered=answered, called=called, operations=len(recording.ops))
        sys.stdout.write(f"{totals['cuts']} cuts of {totals['recordings']} recordings, {totals['failed']} failed\n")
        sys.stdout.flush()
        if not failed:
            shutil.rmtree(recording.folder)
    return {**totals, "failures": failures}


def _careless(folder: Path, way: str, seed: int) -> dict[str, int]:
    """Return in how many cuts a careless hub broke its promise, by how."""
    recording = record(folder / way, way=way, seed=seed)
    kinds: Counter[str] = Counter({LOST: 0, FORGOTTEN: 0})
    for cut in cuts(recording, seed, range(_CARELESS_CUTS)):
        kinds.update({problem.kind for problem in judge(cut.data, cut.witness)})
    return {"cuts": _CARELESS_CUTS, **kinds}


def main() -> int:
    """Run what the command line asks for; 0 when no promise was broken where none may be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuts", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--recording", type=Path, help="replay one --cut of a recording that was kept")
    parser.add_argument("--cut", type=int, default=0)
    parser.add_argument("--keep", action="store_true", help="write docs/figures/power_cuts.json")
    given = parser.parse_args()
    if given.recording is not None:
        recording = Recording.load(given.recording)
        (cut,) = cuts(recording, given.seed, [given.cut])
        problems = _problems(recording, cut, whole=True)
        sys.stdout.write("\n".join(problems or ["nothing lost, nothing twice"]) + "\n")
        return bool(problems)
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="power-"))
    sound = _torture(folder, given.cuts, given.seed)
    bites = {way: _careless(folder, way, given.seed) for way in (ways.STORE_NORMAL, ways.JOURNAL_OFF)}
    figures = {
        "what": "power cuts at random moments of recorded hubs: disks rebuilt from what was synced, with later writes"
        " lost, kept or torn at random",
        "seeds": [given.seed + number for number in range(sound["recordings"])],
        "seconds": round(time.monotonic() - began),
        "sound": sound,
        "careless": bites,
    }
    for failure in sound["failures"]:
        sys.stdout.write(f"{failure}\n")
    sys.stdout.write(f"sound: {sound['failed']} of {sound['cuts']} cuts failed; careless: {bites}\n")
    if given.keep:
        keep("power_cuts", figures)
    if not sound["failures"]:
        shutil.rmtree(folder)
    toothless = not (bites[ways.STORE_NORMAL][LOST] and bites[ways.STORE_NORMAL][FORGOTTEN])
    return bool(sound["failures"]) or toothless or not bites[ways.JOURNAL_OFF][LOST]


if __name__ == "__main__":
    sys.exit(main())
