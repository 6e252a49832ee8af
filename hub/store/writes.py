"""Gathers the writes of a transaction that nobody waits for, so that many rows travel as one statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Insert, UpdateBase
from sqlalchemy.engine import Connection

from hub.store import prepared

Rows = list[Mapping[str, object]]


@dataclass(slots=True)
class Writes:
    """What is still to be written, table by table: new rows first, then changes in the order they were asked for.

    So an update by id finds the row that was written before it; one that picks its rows by anything else is for
    ``Transaction.run``, which sends what its tables wait for, then is executed at once.
    """

    _new: dict[str, dict[tuple[UpdateBase, tuple[str, ...]], Rows]] = field(default_factory=dict)
    _changes: dict[str, list[tuple[UpdateBase, tuple[str, ...], Rows]]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Tell whether anything waits."""
        return bool(self._new or self._changes)

    def add(self, statement: UpdateBase, rows: Sequence[Mapping[str, object]]) -> None:
        """Gather rows of one statement; all have the names of the first."""
        of: Any = statement.table
        table = str(of.name)
        names = tuple(rows[0])
        if isinstance(statement, Insert) and getattr(statement, "_post_values_clause", None) is None:
            self._new.setdefault(table, {}).setdefault((statement, names), []).extend(rows)
            return
        changes = self._changes.setdefault(table, [])
        if changes and changes[-1][0] is statement and changes[-1][1] == names:
            changes[-1][2].extend(rows)
        else:
            changes.append((statement, names, list(rows)))

    def send(self, connection: Connection, tables: frozenset[str] | None = None) -> None:
        """Execute what waits for some tables; None for all."""
        wanted = [table for table in dict.fromkeys((*self._new, *self._changes)) if tables is None or table in tables]
        for table in wanted:
            for (statement, _), rows in self._new.pop(table, {}).items():
                prepared.run_many(connection, statement, rows)
            for statement, _, rows in self._changes.pop(table, ()):
                prepared.run_many(connection, statement, rows)

    def touches(self, tables: frozenset[str]) -> bool:
        """Tell whether anything waits for one of these tables."""
        return not (tables.isdisjoint(self._new) and tables.isdisjoint(self._changes))
