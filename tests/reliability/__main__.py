"""Reads what ``make torture`` was asked for."""

from __future__ import annotations

import argparse
import sys

from tests.reliability import torture


def main() -> int:
    """Run what is asked for; 1 when the promise was broken."""
    parser = argparse.ArgumentParser(prog="make torture", description=__doc__)
    parser.add_argument("--engine", choices=["embedded"], default="embedded")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--storm", type=int, default=0)
    parser.add_argument("--backlog", type=int, default=0)
    given = parser.parse_args()
    kept = torture.torture(given.kills, given.seed, given.jobs) if given.kills else True
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
