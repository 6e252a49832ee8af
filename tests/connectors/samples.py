"""Writes beside each recorded payload what an empty hub makes of it: ``python -m tests.connectors.samples``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from hub import discovery
from hub.cli.preview import as_sample, preview
from tests.features.catalogue import ROOT

SUFFIX = ".events.json"


def recorded() -> Iterator[tuple[str, Path]]:
    """Yield (connector, payload) of every sample."""
    for name in discovery.connectors():
        for path in sorted((ROOT / "connectors" / name / "samples").iterdir()):
            if not path.name.endswith(SUFFIX) and path.suffix != ".md":
                yield name, path


def beside(path: Path) -> Path:
    """Return where a payload's events stand."""
    return path.with_name(path.name.removesuffix(path.suffix) + SUFFIX)


def expected(name: str, path: Path) -> str:
    """Return what should stand there."""
    return as_sample(preview(discovery.connectors()[name], path.read_bytes()))


def main() -> None:
    """Write them all; what belongs to no payload goes."""
    found = {beside(path): expected(name, path) for name, path in recorded()}
    for folder in {path.parent for path in found}:
        for path in folder.glob(f"*{SUFFIX}"):
            if path not in found:
                path.unlink()
    for path, text in found.items():
        path.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{len(found)} samples written\n")


if __name__ == "__main__":
    main()
