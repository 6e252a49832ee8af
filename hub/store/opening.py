"""Opens the PostgreSQL database that the settings name, migrated."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias, Union

from sqlalchemy import Engine

from hub.errors import StoreUnavailable
from hub.ports import Clock, Randomness
from hub.store import schema
from hub.store.engine import is_unavailable
from hub.store.faults import original
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
        StoreUnavailable: The server is away.
    """
    with _opened(url, time_limits=False) as engine:
        schema.prepare(engine, store_id=randomness.token(), now=clock.now())


async def migrated(url: str, clock: Clock, randomness: Randomness, *, retry_seconds: float) -> None:
    """Bring a database up to date, however long its server is away.

    Raises:
        Misconfigured: As ``migrate``.
    """
    while True:
        try:
            await asyncio.to_thread(migrate, url, clock, randomness)
        except StoreUnavailable as error:
            log.warning("the start waits for the database", error=str(error))
            await asyncio.sleep(retry_seconds)
        else:
            return


def is_current(url: str, clock: Clock) -> bool:
    """Tell whether a database has every step that this code knows.

    Raises:
        Misconfigured: As ``migrate``.
        StoreUnavailable: The server is away.
    """
    with _opened(url, time_limits=True) as engine:
        if not schema.is_current(engine):
            return False
        schema.prepare(engine, store_id="", now=clock.now())
        return True


@contextlib.contextmanager
def _opened(url: str, *, time_limits: bool) -> Iterator[Engine]:
    # Imported here: who runs on SQLite needs no psycopg.
    from hub.store.postgres_engine import open_engine

    engine = open_engine(url, time_limits=time_limits)
    try:
        yield engine
    except Exception as error:
        if not is_unavailable(error):
            raise
        msg = f"the database that HUB_DATABASE_URL names cannot serve now: {type(original(error)).__name__}"
        raise StoreUnavailable(msg) from error
    finally:
        engine.dispose()
