"""Opens the PostgreSQL database that the settings name, migrated."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeAlias, Union

from hub.ports import Clock, Randomness
from hub.store import schema
from hub.store.engine import is_unavailable
from hub.telemetry import logger

if TYPE_CHECKING:
    from hub.store.postgres import PostgresStore
    from hub.store.sqlite import SqliteStore

AnyStore: TypeAlias = Union["SqliteStore", "PostgresStore"]
"""A store as the composition root holds it: the port with its engine."""

log = logger("store")


def migrate(url: str, clock: Clock, randomness: Randomness) -> None:
    """Bring a database up to date, or make the tables of an empty one; several may come at once, one does it.

    Raises:
        Misconfigured: The server's settings would lose what it confirmed, or newer code changed the database.
        sqlalchemy.exc.OperationalError: The server is away.
    """
    # Imported here, as below: who runs on SQLite needs no psycopg.
    from hub.store.postgres_engine import open_engine

    engine = open_engine(url, time_limits=False)
    try:
        schema.prepare(engine, store_id=randomness.token(), now=clock.now())
    finally:
        engine.dispose()


async def migrated(url: str, clock: Clock, randomness: Randomness, *, retry_seconds: float) -> None:
    """Bring a database up to date, however long its server is away.

    Raises:
        Misconfigured: As ``migrate``.
    """
    while True:
        try:
            await asyncio.to_thread(migrate, url, clock, randomness)
        except Exception as error:
            if not is_unavailable(error):
                raise
            log.warning("the database cannot serve yet; the start waits for it", error=type(error).__name__)
            await asyncio.sleep(retry_seconds)
        else:
            return


def is_current(url: str, clock: Clock) -> bool:
    """Tell whether a database has every step that this code knows.

    Raises:
        Misconfigured: As ``migrate``.
        sqlalchemy.exc.OperationalError: The server is away.
    """
    from hub.store.postgres_engine import open_engine

    engine = open_engine(url)
    try:
        if not schema.is_current(engine):
            return False
        schema.prepare(engine, store_id="", now=clock.now())
        return True
    finally:
        engine.dispose()
