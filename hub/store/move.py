"""Copies a hub's SQLite database into an empty one on PostgreSQL, row by row, held against its source."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Engine, Executable, Select, Table, delete, exists, func, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.sql.elements import ClauseElement

from hub.errors import Misconfigured
from hub.store.tables import events, leases, metadata, policies, schema, store_info

_CHUNK: Final = 2_000
# Of the engine itself, or of processes that no longer run.
_NOT_COPIED: Final = frozenset({schema.name, leases.name})
# What a migration has put there.
_SHIPPED: Final = frozenset({policies.name, store_info.name})

Progress = Callable[[str, int, int], None]
"""Called with a table's name, how many of its rows are copied, how many there are."""


@dataclass(frozen=True, slots=True)
class Copied:
    """One table as it stands on both sides.

    Attributes:
        digest: SHA-256 over every value of every row, in the order of the primary key.
    """

    table: str
    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class Moved:
    """What a move did.

    Attributes:
        tables: Those that were copied, in their order; empty when the database had been moved before.
        marked: How many events subscribers will not be sent, since they are older than their Kafka.
    """

    store_id: str
    tables: tuple[Copied, ...]
    marked: int


class MoveFailedError(Exception):
    """The copy does not equal its source; the target was left as it was."""


def move(source: Engine, target: Engine, *, now: datetime, history: bool | None, progress: Progress) -> Moved:
    """Copy everything, or find that it was copied before.

    Args:
        source: A SQLite database of this release that no hub serves; nobody writes to it meanwhile.
        target: A migrated PostgreSQL database of this release, empty, without a time limit for statements.
        now: Stands as ``published_at`` of events that are not to be sent.
        history: Whether subscribers are sent what none of them has been sent; None for what a hub that never
            published leaves out, one that did sends on.
        progress: Told of every few thousand rows.

    Raises:
        Misconfigured: The target belongs to another hub, or a side is not of this release.
        MoveFailedError: The two sides differ.
    """
    with source.connect() as old, target.connect() as new:
        store_id = _only(old, select(store_info.c.id))
        # Against a command that somebody gives beside us, on either side.
        old.exec_driver_sql("BEGIN IMMEDIATE")
        new.exec_driver_sql("BEGIN")
        try:
            new.exec_driver_sql("LOCK TABLE store_info IN ACCESS EXCLUSIVE MODE")
            if _refuse_or_done(new, store_id):
                return Moved(store_id, (), 0)
            moved = Moved(store_id, tuple(_copy_all(old, new, progress)), _mark(old, new, now, history=history))
            new.exec_driver_sql("COMMIT")
        finally:
            for side in (old, new):
                if not side.invalidated and getattr(side.connection.driver_connection, "in_transaction", False):
                    side.exec_driver_sql("ROLLBACK")
        return moved


def _refuse_or_done(new: Connection, store_id: str) -> bool:
    """Tell whether the target holds this hub already; refuse it when it holds another one."""
    if _only(new, select(store_info.c.id)) == store_id:
        return True
    for table in metadata.sorted_tables:
        if table.name not in _NOT_COPIED | _SHIPPED and _only(new, _count(table)):
            msg = f"the database that HUB_DATABASE_URL names holds another hub's {table.name}; name an empty one"
            raise Misconfigured([msg])
    return False


def _copy_all(old: Connection, new: Connection, progress: Progress) -> Iterator[Copied]:
    for table in metadata.sorted_tables:
        if table.name in _NOT_COPIED:
            continue
        if table.name in _SHIPPED:
            new.execute(delete(table))
        copied = _copy(old, new, table, progress)
        found = _held_against(new, table)
        if copied != found:
            msg = f"{table.name}: {copied.rows} rows were copied, {found.rows} arrived; or one of them differs"
            raise MoveFailedError(msg)
        yield copied


def _copy(old: Connection, new: Connection, table: Table, progress: Progress) -> Copied:
    total = _only(old, _count(table))
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    digest, done = hashlib.sha256(), 0
    reading: Any = old.connection.cursor()
    reading.execute(_words(old, _in_order(table)))
    driver: Any = new.connection.driver_connection
    with driver.cursor() as writing, writing.copy(f'COPY "{table.name}" ({columns}) FROM STDIN') as copy:
        while rows := reading.fetchmany(_CHUNK):
            for row in rows:
                copy.write_row(row)
                digest.update(_bytes(row))
            done += len(rows)
            progress(table.name, done, total)
    reading.close()
    _never_again(old, new, table)
    return Copied(table.name, done, digest.hexdigest())


def _held_against(new: Connection, table: Table) -> Copied:
    """Read a table back, as the rest of the hub will."""
    digest, rows = hashlib.sha256(), 0
    driver: Any = new.connection.driver_connection
    with driver.cursor(name="move") as reading:
        reading.itersize = _CHUNK
        reading.execute(_words(new, _in_order(table)))
        for row in reading:
            digest.update(_bytes(row))
            rows += 1
    return Copied(table.name, rows, digest.hexdigest())


def _never_again(old: Connection, new: Connection, table: Table) -> None:
    """Let positions go on where they were: one that was given out once is never given out again."""
    if "position" not in table.primary_key.columns:
        return
    found = old.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = ?", (table.name,)).scalar()
    if found:
        new.exec_driver_sql("SELECT setval(pg_get_serial_sequence(%s, 'position'), %s)", (table.name, int(found)))


def _mark(old: Connection, new: Connection, now: datetime, *, history: bool | None) -> int:
    """Say of events that no subscriber was ever sent that none is to be, unless they want their history."""
    if history is None:
        history = _only(old, select(exists().where(events.c.published_at.is_not(None))))
    if history:
        return 0
    return new.execute(update(events).where(events.c.published_at.is_(None)).values(published_at=now)).rowcount


def _in_order(table: Table) -> Select[Any]:
    return select(*table.columns).order_by(*table.primary_key.columns)


def _count(table: Table) -> Select[Any]:
    return select(func.count()).select_from(table)


def _words(connection: Connection, statement: ClauseElement) -> str:
    """Return a statement for the driver: its values are compared as the engine keeps them."""
    return str(statement.compile(dialect=connection.dialect))


def _bytes(row: Sequence[object]) -> bytes:
    return repr(tuple(row)).encode("utf-8", "surrogatepass")


def _only(connection: Connection, statement: Executable) -> Any:
    return connection.execute(statement).scalar_one()
