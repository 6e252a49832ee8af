"""Brings a database to the shape that this code knows, or refuses it."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, insert, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError, ProgrammingError

from hub import killpoints
from hub.errors import Misconfigured
from hub.store import policies
from hub.store.engine import in_transaction
from hub.store.locks import number
from hub.store.tables import schema, store_info
from hub.telemetry import logger

log = logger("store")

CODE: Final = 1
"""Counts up with each release; a database says which is the oldest that may still run on it."""

HEAD: Final = "0005"
"""The newest migration step; a test holds it against the folder."""

_NO_TABLE: Final = "42P01"
_LOCK_REFUSED: Final = "55P03"

_PATIENCE_MS: Final = 2_000
"""How long a migration waits for a table that is in use: whoever comes behind it waits as well."""

_PAUSE_SECONDS: Final = 1.0
"""How long it lets others through before it tries again."""


@contextmanager
def locked(data: Path, name: str, *, wait: bool = False) -> Iterator[None]:
    """Hold a lock of the data directory, for one process at a time.

    Raises:
        Misconfigured: Another process holds it, unless it is waited for.
    """
    descriptor = os.open(data / f"{name}.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            msg = f"another process is the {name} of this data directory; stop it, or name another one with --data"
            raise Misconfigured([msg]) from None
        yield
    finally:
        os.close(descriptor)


def prepare(engine: Engine, *, store_id: str, now: datetime) -> None:
    """Migrate the database when it is behind; leave a current one alone.

    Args:
        engine: Writes to the database. SQLite's is this process's alone, by ``locked``; on PostgreSQL one process
            migrates while the others wait for it.
        store_id: Lasting id of a database that is made now.
        now: When it is made.

    Raises:
        Misconfigured: The database was changed by newer code that this code may not run beside.
    """
    with engine.connect() as connection:
        found = _version(connection)
        if found is None or found[0] < HEAD:
            with _alone(connection):
                found = _version(connection)
                if found is None or found[0] < HEAD:
                    _migrate_between_others(connection, store_id, now)
        elif found[1] > CODE:
            msg = f"the database needs code of release {found[1]} or newer, this is {CODE}; upgrade the hub"
            raise Misconfigured([msg])


def is_current(engine: Engine) -> bool:
    """Tell whether the database has every step that this code knows."""
    with engine.connect() as connection:
        found = _version(connection)
    return found is not None and found[0] >= HEAD


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    if not _is_postgres(connection):
        yield
        return
    lock = number("schema", "migration")
    connection.exec_driver_sql(f"SELECT pg_advisory_lock({lock})")
    try:
        yield
    finally:
        connection.exec_driver_sql(f"SELECT pg_advisory_unlock({lock})")


def _is_postgres(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"


def _version(connection: Connection) -> tuple[str, int] | None:
    try:
        row = connection.execute(select(schema.c.version, schema.c.oldest_code)).first()
    except (OperationalError, ProgrammingError) as error:
        # Each engine has its own word for it.
        if "no such table" not in str(error.orig) and getattr(error.orig, "sqlstate", None) != _NO_TABLE:
            raise
        return None
    return None if row is None else (row.version, row.oldest_code)


def _migrate_between_others(connection: Connection, store_id: str, now: datetime) -> None:
    """Migrate without holding up those who serve: what waits for a table in use makes everybody wait behind it."""
    while True:
        try:
            _migrate(connection, store_id, now)
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != _LOCK_REFUSED:
                raise
            log.warning("a table is in use; the migration lets others through, then tries again")
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _migrate(connection: Connection, store_id: str, now: datetime) -> None:
    # Imported here: a current database, the common case, must not pay for Alembic at start.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "hub:store/migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    connection.exec_driver_sql("BEGIN" if _is_postgres(connection) else "BEGIN IMMEDIATE")
    try:
        if _is_postgres(connection):
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_PATIENCE_MS}")
        command.upgrade(config, HEAD)
        step = ScriptDirectory.from_config(config).get_revision(HEAD).module
        values = {"version": HEAD, "oldest_code": step.OLDEST_CODE}
        if connection.execute(update(schema).values(values)).rowcount == 0:
            connection.execute(insert(schema).values(values))
            connection.execute(insert(store_info).values(id=store_id, created_at=now, clean=1))
        policies.seed(connection)
        killpoints.reached("migration.before_commit")
    except BaseException:
        if in_transaction(connection):
            connection.exec_driver_sql("ROLLBACK")
        raise
    connection.exec_driver_sql("COMMIT")
