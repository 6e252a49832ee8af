"""Writes the README's figures from docs/figures/bench.json."""

from __future__ import annotations

import json
import sys
from typing import Any, Final

from tests.benchmarks.figures import KINDS
from tests.benchmarks.table import beside, number
from tests.features.catalogue import ROOT
from tests.support.figures import FIGURES

README: Final = ROOT / "README.md"
BEGIN: Final = "<!-- figures: from docs/figures/bench.json by python -m tests.benchmarks.readme -->\n"
END: Final = "<!-- end of figures -->\n"

_WORDS: Final = {"aim": "aim", "reach": "reached", "no": "**not yet**"}


def section(kept: dict[str, Any]) -> str:
    """Return what stands between the markers, markers included."""
    rows = [
        f"| {one['label']} | {number(one['value'], one['unit'])} | {number(one['reach'], one['unit'])} | "
        f"{number(one['aim'], one['unit'])} | {_WORDS[one['reached']]} | {beside(one['baseline'])} |"
        for name, one in kept["figures"].items()
        if name in KINDS and one["reached"] is not None
    ]
    lines = [
        f"Minimum hardware: {kept['cores']} cores, 512 MB of memory free, a local disk that syncs. Measured on just",
        f"that many cores by `make bench` ({kept['taken_at'][:10]}, commit {kept['commit']}, Python {kept['python']}),",
        f"others being at work there (load {kept['load_before']:g}); each figure stands beside a baseline of the same",
        "minutes. A message is a new customer's.",
        "",
        "| figure | measured | to reach | aim | | beside it |",
        "|---|---|---|---|---|---|",
        *rows,
    ]
    return BEGIN + "\n".join(lines) + "\n" + END


def rewritten(readme: str, kept: dict[str, Any]) -> str:
    """Return the README with its section of figures replaced."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + section(kept) + after


def kept() -> dict[str, Any]:
    """Return the figures that are kept."""
    found: dict[str, Any] = json.loads((FIGURES / "bench.json").read_text(encoding="utf-8"))
    return found


def main() -> None:
    """Rewrite the README."""
    README.write_text(rewritten(README.read_text(encoding="utf-8"), kept()), encoding="utf-8")
    sys.stdout.write("README.md tells the figures of docs/figures/bench.json\n")


if __name__ == "__main__":
    main()
