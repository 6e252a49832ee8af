"""Keeps what a long run measured as JSON under ``docs/figures``."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.features.catalogue import ROOT

FIGURES: Final = ROOT / "docs" / "figures"


def keep(name: str, figures: Mapping[str, object]) -> Path:
    """Write ``docs/figures/<name>.json``: the figures with the commit, instant, interpreter that they belong to."""
    FIGURES.mkdir(parents=True, exist_ok=True)
    path = FIGURES / f"{name}.json"
    path.write_text(written(figures), encoding="utf-8")
    return path


def written(figures: Mapping[str, object]) -> str:
    """Return figures as they are kept."""
    taken = {
        "commit": _commit(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return json.dumps({**figures, **taken}, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _commit() -> str:
    head = _git("rev-parse", "--short", "HEAD")
    # What a run writes itself does not make it another code.
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs/figures", ":!README.md")
    return f"{head}+changes" if changed else head


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""
