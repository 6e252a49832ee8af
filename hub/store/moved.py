"""Keeps a hub from starting on the database that it was moved away from."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Final

from hub.errors import Misconfigured

FILE: Final = "moved.json"


def refuse(data: Path) -> None:
    """Do nothing where the data directory's own database is the hub's.

    Raises:
        Misconfigured: It was moved: what stands in it is the past.
    """
    if (data / FILE).exists():
        msg = f"the database in {data} was moved to PostgreSQL; set HUB_DATABASE_URL. To go back to how things stood "
        raise Misconfigured([f"{msg}then, losing what came since, remove {FILE} there"])


def note(data: Path, *, store_id: str, at: datetime) -> None:
    """Write down, durably, that a database was moved away."""
    draft = data / f"{FILE}.new"
    with draft.open("w") as file:
        json.dump({"store_id": store_id, "moved_at": at.isoformat()}, file)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(data / FILE)
    folder = os.open(data, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
