"""Reads the feature catalogue."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
CATALOGUE = ROOT / "docs" / "feature_catalogue.toml"

WHOLE = "whole"
"""What a mark without ``part`` proves."""


@dataclass(frozen=True)
class Feature:
    """One row of the catalogue.

    ``parts`` is empty where one test can prove the whole; otherwise every one of them needs its own proof.
    """

    id: str
    group: str
    title: str
    bar: str
    star: bool
    parts: tuple[str, ...] = ()

    @property
    def pieces(self) -> tuple[str, ...]:
        """What has to be proven: the parts, or the whole."""
        return self.parts or (WHOLE,)


@cache
def catalogue() -> dict[str, Feature]:
    """Return every feature by its ID, in the catalogue's order."""
    rows = tomllib.loads(CATALOGUE.read_text(encoding="utf-8"))["features"]
    return {row["id"]: Feature(**{**row, "parts": tuple(row.get("parts", ()))}) for row in rows}
