"""Writes docs/features.md from the report of the last full test run."""

import argparse
import json
import os
import re
import sys
from itertools import groupby
from pathlib import Path
from typing import Any, TypeAlias

from tests.features.catalogue import ROOT, Feature, catalogue
from tests.features.plugin import REPORT

PAGE = "docs/features.md"
HEAD = """\
# Features: what the hub must do, each with the tests that prove it

Made by `make features` from the last full test run; the bars are in `feature_catalogue.toml`.
★: found whole in no other system compared.
"""

Results: TypeAlias = dict[str, dict[str, dict[str, list[str]]]]


class ReportError(Exception):
    """There is no report that could be counted; the text says which command makes one."""


def load(path: Path) -> Results:
    """Return feature -> piece -> outcome -> test ids.

    Raises:
        ReportError: No run has left a report, or the run was restricted.
    """
    if not path.exists():
        msg = f"{path} is missing: no full test run has left its report. Run `make test` first."
        raise ReportError(msg)
    report: dict[str, Any] = json.loads(path.read_text())
    if not report["full"]:
        msg = f"{path} is the report of a restricted run, which proves too little. Run `make test` without restriction."
        raise ReportError(msg)
    results: Results = report["features"]
    return results


def bare_name(test: str) -> str:
    """Return the test's name without its parameters, nor the ``@group`` that xdist adds."""
    path, _, name = test.partition("::")
    (bare, *_) = re.split(r"[@\[]", name)
    return f"{path}::{bare}"


def proofs(feature: Feature, results: Results) -> dict[str, list[str]]:
    """Return the proven pieces, each with its tests; one failed test unproves its piece."""
    found = {}
    for piece in feature.pieces:
        outcomes = results.get(feature.id, {}).get(piece, {})
        if outcomes.get("passed") and not outcomes.get("failed"):
            found[piece] = sorted({bare_name(test) for test in outcomes["passed"]})
    return found


def is_proven(feature: Feature, results: Results) -> bool:
    """Say whether every piece of the feature has its proof."""
    return len(proofs(feature, results)) == len(feature.pieces)


def row(feature: Feature, results: Results) -> str:
    """Return the feature's line of the table."""
    proven = proofs(feature, results)
    tests = ", ".join(f"`{test}`" for test in sorted({test for piece in proven.values() for test in piece}))
    if not proven:
        said = "not yet"
    elif len(proven) < len(feature.pieces):
        said = f"partly: {', '.join(proven)} — {tests}"
    else:
        said = tests
    title = feature.title.replace("|", "\\|") + (" ★" if feature.star else "")
    return f"| {feature.id} | {title} | {said} |"


def summary(results: Results) -> str:
    """Return how far the hub is."""
    features = catalogue().values()
    return f"{sum(is_proven(feature, results) for feature in features)} of {len(features)} proven"


def render(results: Results) -> str:
    """Return the whole page."""
    lines = [HEAD]
    for group, features in groupby(catalogue().values(), key=lambda feature: feature.group):
        lines += [f"## {group}", "", "| ID | title | tests that prove it |", "|---|---|---|"]
        lines += [row(feature, results) for feature in features]
        lines.append("")
    lines.append(summary(results))
    return "\n".join(lines) + "\n"


def run(arguments: list[str], root: Path = ROOT) -> int:
    """Write the page, or only compare it.

    Exit codes: 0 done, or nothing to compare with outside CI; 1 the page is stale or the report cannot be counted.
    """
    parser = argparse.ArgumentParser(prog="make features", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, fail when the page is stale")
    check = parser.parse_args(arguments).check
    page = root / PAGE
    try:
        results = load(root / REPORT)
    except ReportError as error:
        sys.stderr.write(f"{PAGE} not {'compared' if check else 'written'}: {error}\n")
        return 0 if check and not os.environ.get("CI") else 1
    text = render(results)
    if not check:
        page.write_text(text, encoding="utf-8")
    elif not page.exists() or page.read_text(encoding="utf-8") != text:
        sys.stderr.write(f"{PAGE} is stale: run `make features`, then commit it.\n")
        return 1
    sys.stdout.write(f"{summary(results)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
