"""Drains a backlog of deliveries through ingest, if wanted through every group, measuring memory with speed."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import resource
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from hub import bootstrap, discovery, working
from hub.contracts import Handler
from hub.pipeline.consumer import join
from hub.pipeline.ingest import Ingester
from hub.pipeline.journal.segment import create_segment
from hub.settings import HubSettings, Limits
from hub.store import deliveries, events, groups
from hub.store.opening import AnyStore
from hub.store.transaction import Transaction
from hub.store.types import to_microseconds
from hub.system import SystemClock, SystemRandomness
from hub.telemetry import configure_logs
from tests.support.webhooks import of_messages, text

SEGMENT: Final = 20_000
_LOOK_SECONDS: Final = 0.5
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
        with connected(segment.path) as connection:
            connection.executemany(INSERT, (row for _, row in zip(range(SEGMENT), rows, strict=False)))


@contextlib.contextmanager
def connected(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a segment to write into it, in one transaction."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        yield connection


def peak_megabytes() -> float:
    """Return the most memory that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def drain(data: Path, count: int, *, handled: bool = False) -> dict[str, Any]:
    """Ingest a journal, with ``handled`` let every group do what came of it, too; return what each took."""
    settings = HubSettings(data=data, limits=Limits(disk_free_bytes=1))
    hub = bootstrap.assemble(settings, {}, SystemClock(), SystemRandomness())
    handlers = discovery.handlers()
    async with bootstrap.storing(hub) as store:
        # Before there is anything, so that no group begins behind it.
        await join(store, list(handlers.values()))
        ingester = Ingester(
            hub.reader,
            store,
            discovery.connectors(),
            hub.clock,
            hub.randomness,
            waits=settings.waits,
            limits=settings.limits,
        )
        idle, started = peak_megabytes(), hub.clock.monotonic()
        while await ingester.step():
            pass
        seconds = hub.clock.monotonic() - started
        sums = (await store.read(deliveries.sums))["whatsapp"]
        found = {
            "deliveries": count,
            "published": sums["published"],
            "per_second": round(count / seconds),
            "idle_megabytes": round(idle, 1),
            "peak_megabytes": round(peak_megabytes(), 1),
        }
        if handled:
            started = hub.clock.monotonic()
            async with working.working(hub, store):
                await all_handled(hub, store, list(handlers.values()))
                seconds = hub.clock.monotonic() - started
            found["handled_per_second"] = round(count / seconds)
            found["handled_peak_megabytes"] = round(peak_megabytes(), 1)
            found["events"] = await store.read(events.newest)
    return found


async def all_handled(hub: bootstrap.Hub, store: AnyStore, handlers: Sequence[Handler]) -> None:
    """Return when no group has anything left."""
    types = {handler.group: handler.type_names for handler in handlers}

    def undone(tx: Transaction) -> bool:
        rows = [row for row in groups.everyone(tx) if row.name in types]
        followers = [events.Follower(row.name, types[row.name], row.start, row.floor) for row in rows]
        return any(events.oldest_undone(tx, one, 1) for one in followers)

    while await store.read(undone):
        for task in hub.tasks:
            if task.done():
                task.result()
        await asyncio.sleep(_LOOK_SECONDS)


def main() -> None:
    """Write a backlog, drain it, print the figures as JSON."""
    configure_logs(json=True)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deliveries", type=int, default=100_000)
    parser.add_argument("--handled", action="store_true", help="through every group as well")
    given = parser.parse_args()
    count = given.deliveries
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        write(data / "journal", count)
        sys.stdout.write(json.dumps(asyncio.run(drain(data, count, handled=given.handled))) + "\n")


if __name__ == "__main__":
    main()
