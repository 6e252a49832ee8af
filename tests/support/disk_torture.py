"""Lets each system call on the disk fail once, position by position."""

from __future__ import annotations

import argparse
import itertools
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Final

from tests.support.disk_trial import trial
from tests.support.faulty_disk import SYNCS, WRITES, Fault
from tests.support.figures import keep

_KINDS: Final = ((SYNCS, "EIO"), (WRITES, "EIO"), (WRITES, "ENOSPC"))
_ROLES: Final = ("all", "receiver")
"""In a whole hub the database's calls come first; a receiver's are all the journal's."""


def main() -> int:
    """Run every position that is asked for; 0 when each cost nothing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--last", type=int, default=200)
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="write docs/figures/disk_faults.json")
    given = parser.parse_args()
    began = time.monotonic()
    figures: dict[str, Counter[str]] = {}
    failures: list[str] = []
    for role, (calls, error) in itertools.product(_ROLES, _KINDS):
        totals = figures[f"{role}: {calls} {error}"] = Counter()
        for number in range(given.first, given.last + 1, given.step):
            folder = Path(tempfile.mkdtemp(prefix="disk-"))
            fault = Fault(calls, error, str(number))
            try:
                found = trial(folder, fault, role)
                problems = found.problems
                totals.update(
                    struck=bool(found.struck), failed_calls=len(found.struck), gave_up=len(found.codes),
                    refused=found.refused, providers_refused=bool(found.refused),
                )  # fmt: skip
            except AssertionError as error_:
                problems = [str(error_)]
            totals.update(positions=1, failed=bool(problems))
            sys.stdout.write(f"{role} {calls} {error} {number}: {problems or found.struck}\n")
            sys.stdout.flush()
            if problems:
                failures.append(f"{role} {fault}: {problems} in {folder}")
            else:
                shutil.rmtree(folder)
    if given.keep:
        what = "the n-th call of each thread of the real process fails once, from its start on, while customers write"
        positions = [given.first, given.last, given.step]
        seconds = round(time.monotonic() - began)
        keep(
            "disk_faults",
            {"what": what, "first_last_step": positions, "seconds": seconds, **figures, "failures": failures},
        )
    sys.stdout.write("\n".join([*failures, f"{figures}"]) + "\n")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
