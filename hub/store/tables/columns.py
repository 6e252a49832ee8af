"""What every table is declared with."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Index, MetaData, Table, text

from hub.store.types import Position

metadata = MetaData()


def log(name: str, *columns: Any) -> Table:
    """Declare a table whose rows have a position that is never used again."""
    position = Column("position", Position, primary_key=True, autoincrement=True)
    return Table(name, metadata, position, *columns, sqlite_autoincrement=True)


def keyed(name: str, *columns: Any) -> Table:
    """Declare a table that is stored by its primary key."""
    return Table(name, metadata, *columns, sqlite_with_rowid=False)


def partial_index(name: str, *columns: str, where: str) -> Index:
    """Declare an index over the rows that a condition names; a query uses it by repeating the condition."""
    return Index(name, *columns, postgresql_where=text(where), sqlite_where=text(where))


def required(name: str, type_: Any, **more: Any) -> Column[Any]:
    """Declare a column that always has a value."""
    return Column(name, type_, nullable=False, **more)
