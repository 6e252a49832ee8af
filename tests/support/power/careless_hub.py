"""Runs a hub as ``python -m hub`` does, careless about durability in one way that a test names."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from typing import Any, Final

from hub.cli.main import run
from hub.pipeline.ingest import ingester
from hub.pipeline.journal import segment
from hub.store import engine

SOUND: Final = "sound"
STORE_NORMAL: Final = "store-synchronous-normal"
JOURNAL_OFF: Final = "journal-without-fsync"

_NORMAL: Final = 1


class _Normal(sqlite3.Connection):
    """A database whose commits are not synced, as SQLite's own advice for WAL has it."""

    def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
        return super().execute(sql.replace("synchronous=FULL", "synchronous=NORMAL"), *args)


def _store_normal() -> None:
    create = vars(engine)["create_engine"]

    def careless(url: str, **more: Any) -> Any:
        more["connect_args"]["factory"] = _Normal
        return create(url, **more)

    vars(engine).update(create_engine=careless, _FULL=_NORMAL)


def _journal_off() -> None:
    def configure(connection: sqlite3.Connection) -> sqlite3.Connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=OFF")
        return connection

    vars(segment).update(_configure=configure)


WAYS: Final[dict[str, Callable[[], None]]] = {
    SOUND: lambda: None,
    STORE_NORMAL: _store_normal,
    JOURNAL_OFF: _journal_off,
}

if __name__ == "__main__":
    WAYS[sys.argv.pop(1)]()
    # Segments go as soon as they are ingested: what the database then loses is nowhere else.
    vars(ingester).update(_FORGET_EVERY_SECONDS=0.0)
    run()
