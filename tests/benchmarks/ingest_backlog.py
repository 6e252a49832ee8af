"""Drains a backlog of deliveries through the real ingester, measuring memory with speed."""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from connectors.whatsapp import CONNECTOR
from hub.pipeline.ingest import Ingester
from hub.pipeline.journal import JournalReader
from hub.pipeline.journal.segment import create_segment
from hub.services import projections
from hub.settings import Limits, Waits
from hub.store import deliveries
from hub.store.sqlite import SqliteStore
from hub.store.types import to_microseconds
from hub.system import SystemClock, SystemRandomness
from tests.support.stores import migrated
from tests.support.webhooks import of_messages, text

SEGMENT: Final = 20_000
INSERT: Final = (
    "INSERT INTO deliveries (received_at, connector, app, method, path, headers, body) VALUES (?, ?, ?, ?, ?, ?, ?)"
)

Row = tuple[int, str, str, str, str, str, bytes]


def backlog(count: int) -> Iterator[Row]:
    """Yield deliveries of one long message each, from some thousands of people."""
    now = SystemClock().now()
    for number in range(count):
        sender = f"52155{number % 5000:08d}"
        words = f"Mensaje {number} " * 250
        body = of_messages(text(f"wamid.{number}", words, sender=sender, at=now))
        yield to_microseconds(now), "whatsapp", "main", "POST", "/webhooks/whatsapp/main", "{}", body


def write(directory: Path, count: int) -> None:
    """Write a backlog straight into segments."""
    directory.mkdir(parents=True)
    (directory / "journal.id").write_text("backlog")
    rows = backlog(count)
    for number, first in enumerate(range(0, count, SEGMENT), 1):
        segment = create_segment(directory, "backlog", number, f"{number:016x}", first)
        connection = sqlite3.connect(segment.path)
        connection.executemany(INSERT, (row for _, row in zip(range(SEGMENT), rows, strict=False)))
        connection.commit()
        connection.close()


def peak_megabytes() -> float:
    """Return the most memory that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def drain(data: Path, count: int) -> dict[str, Any]:
    """Ingest a journal; return what it took."""
    clock = SystemClock()
    store = SqliteStore(migrated(data), clock, projections=projections.ALL)
    async with store.running():
        ingester = Ingester(
            JournalReader(data / "journal"),
            store,
            {"whatsapp": CONNECTOR},
            clock,
            SystemRandomness(),
            waits=Waits(),
            limits=Limits(),
        )
        idle, started = peak_megabytes(), clock.monotonic()
        while await ingester.step():
            pass
        seconds = clock.monotonic() - started
        sums = (await store.read(deliveries.sums))["whatsapp"]
    return {
        "deliveries": count,
        "published": sums["published"],
        "per_second": round(count / seconds),
        "idle_megabytes": round(idle, 1),
        "peak_megabytes": round(peak_megabytes(), 1),
    }


def main() -> None:
    """Write a backlog, drain it, print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deliveries", type=int, default=100_000)
    count = parser.parse_args().deliveries
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        write(data / "journal", count)
        sys.stdout.write(json.dumps(asyncio.run(drain(data, count))) + "\n")


if __name__ == "__main__":
    main()
