"""Statements of SQLAlchemy Core, compiled once a process, run on the driver's own cursor.

SQLAlchemy's execution costs 34-85 µs a statement beside SQLite's 10 to 20 (measured), and a message needs thirty. What
stays its work: the SQL of each engine, the types, the errors.
"""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Executable, Insert
from sqlalchemy.engine import Connection, Dialect, Row
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import visitors
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import BindParameter, ClauseElement
from sqlalchemy.types import TypeEngine

from hub.store.engine import in_transaction, is_unavailable
from hub.store.tables import metadata

Convert = Callable[[Any], Any]

# Statements are constants of modules; whoever builds them on the fly must not fill the memory.
_MOST_KEPT: Final = 2_000
_HOLDERS: Final = ("hub.store.", "hub.services.", "hub.pipeline.")
_WORD: Final = re.compile(r"\w+", re.ASCII)
_prepared: dict[tuple[str, Executable, tuple[str, ...]], _Prepared] = {}
_warm: dict[tuple[str, Executable, frozenset[str]], _Prepared] = {}


def one(connection: Connection, statement: Executable, params: Mapping[str, object]) -> Row[Any] | None:
    """Return the first row, or None."""
    prepared = _prepare(connection.dialect, statement, tuple(params))
    cursor = _execute(connection, *prepared.bind(params))
    data = cursor.fetchone()
    row = None if data is None else prepared.rows(cursor, (data,))[0]
    cursor.close()
    return row


def every(connection: Connection, statement: Executable, params: Mapping[str, object]) -> list[Row[Any]]:
    """Return all rows."""
    prepared = _prepare(connection.dialect, statement, tuple(params))
    cursor = _execute(connection, *prepared.bind(params))
    rows = prepared.rows(cursor, cursor.fetchall())
    cursor.close()
    return rows


def run(connection: Connection, statement: Executable, params: Mapping[str, object]) -> int:
    """Execute a write, then return how many rows it touched."""
    cursor = _execute(connection, *_prepare(connection.dialect, statement, tuple(params)).bind(params))
    touched: int = cursor.rowcount
    cursor.close()
    return touched


def run_many(connection: Connection, statement: Executable, rows: Sequence[Mapping[str, object]]) -> None:
    """Execute a write once a row; all rows have the keys of the first."""
    prepared = _prepare(connection.dialect, statement, tuple(rows[0]))
    if len(rows) == 1:
        _execute(connection, *prepared.bind(rows[0])).close()
        return
    _execute(connection, prepared.sql, [prepared.bind(row)[1] for row in rows], many=True).close()


@contextlib.contextmanager
def together(connection: Connection) -> Iterator[None]:
    """Send the writes of the block without waiting for each, where the engine is at the other end of a wire.

    Nothing may be asked inside; what went wrong is told at the end of the block.
    """
    driver: Any = connection.connection.driver_connection
    pipeline = getattr(driver, "pipeline", None)
    if pipeline is None:
        yield
        return
    try:
        with pipeline():
            yield
    except connection.dialect.loaded_dbapi.Error as error:
        raise _told(connection, "several statements", error) from error


def tables_of(connection: Connection, statement: Executable, names: tuple[str, ...]) -> frozenset[str]:
    """Return the tables that a statement speaks of, perhaps some more."""
    return _prepare(connection.dialect, statement, names).tables


def command(connection: Connection, sql: str, values: Sequence[object] = ()) -> None:
    """Execute what the engine itself understands: BEGIN, SAVEPOINT, COMMIT."""
    _execute(connection, sql, values).close()


def warm_up(dialect: Dialect) -> int:
    """Compile the statements that are constants of the hub's loaded modules, then return how many.

    Half a millisecond each (measured): the first message after a start would wait for thirty.
    """
    found = 0
    for module in [module for name, module in tuple(sys.modules.items()) if name.startswith(_HOLDERS)]:
        for value in tuple(vars(module).values()):
            for statement in value if isinstance(value, tuple) else (value,):
                if isinstance(statement, Executable) and isinstance(statement, ClauseElement):
                    names = _expected(statement)
                    _warm[dialect.name, statement, names] = _compile(dialect, statement, tuple(names))
                    found += 1
    return found


@dataclass(slots=True)
class _Prepared:
    """One statement in one engine's words.

    Attributes:
        given: Values of binds that the statement itself carries.
        lists: Binds that stand for as many values as they are given; the words depend on how many.
        types: Of the columns that it yields; none where the statement is plain text.
        tables: All whose name stands in it.
    """

    compiled: SQLCompiler
    sql: str
    binds: Sequence[tuple[str, Convert | None]]
    given: Mapping[str, object]
    converts: Mapping[str, Convert]
    lists: tuple[str, ...]
    types: Sequence[TypeEngine[Any]]
    tables: frozenset[str]
    expanded: dict[tuple[int, ...], tuple[str, Sequence[str], Mapping[str, Sequence[str]]]] = field(
        default_factory=dict
    )
    metadata: SimpleResultMetaData | None = None
    row_converts: Sequence[Convert | None] | None = None

    def bind(self, params: Mapping[str, object]) -> tuple[str, list[object]]:
        """Return the words with the values in their order."""
        values = {**self.given, **params} if self.given else params
        if self.lists:
            return self._bind_lists(values)
        return self.sql, [values[name] if convert is None else convert(values[name]) for name, convert in self.binds]

    def _bind_lists(self, values: Mapping[str, object]) -> tuple[str, list[object]]:
        lists: dict[str, list[Any]] = {name: _padded(values[name]) for name in self.lists}
        lengths = tuple(map(len, lists.values()))
        found = self.expanded.get(lengths)
        if found is None:
            state = self.compiled.construct_expanded_state({**values, **lists})
            order = state.positiontup or ()
            found = self.expanded[lengths] = (state.statement, order, state.parameter_expansion)
        sql, order, expansion = found
        bound: dict[str, object] = {
            name: self.converts[name](value) if name in self.converts else value
            for name, value in values.items()
            if name not in lists
        }
        for name, items in lists.items():
            convert = self.converts.get(name)
            converted = items if convert is None else map(convert, items)
            bound.update(zip(expansion[name], converted, strict=False))
        return sql, [bound[name] for name in order]

    def rows(self, cursor: Any, found: Sequence[Sequence[Any]]) -> list[Row[Any]]:
        """Return what the driver found as rows."""
        if self.metadata is None:
            self._describe(cursor)
        metadata, converts = self.metadata, self.row_converts
        index = metadata._key_to_index  # type: ignore[union-attr]  # noqa: SLF001 - as Result itself makes its rows
        return [Row(metadata, converts, index, data) for data in found]  # type: ignore[arg-type]

    def _describe(self, cursor: Any) -> None:
        dialect = self.compiled.dialect
        names = [column[0] for column in cursor.description]
        converts = [kind.dialect_impl(dialect).result_processor(dialect, None) for kind in self.types]
        if self.types and len(names) != len(converts):
            msg = f"the statement yields {names}, {len(converts)} types are known: {self.sql}"
            raise TypeError(msg)
        self.row_converts = converts if any(converts) else None
        self.metadata = SimpleResultMetaData(names)


def _prepare(dialect: Dialect, statement: Executable, names: tuple[str, ...]) -> _Prepared:
    place = (dialect.name, statement, names)
    prepared = _prepared.get(place)
    if prepared is None:
        if len(_prepared) >= _MOST_KEPT:
            _prepared.clear()
        prepared = _warm.get((dialect.name, statement, frozenset(names))) or _compile(dialect, statement, names)
        _prepared[place] = prepared
    return prepared


def _expected(statement: ClauseElement) -> frozenset[str]:
    """Return the values that a statement is most likely given: those it wants, for a plain insert a whole row."""
    binds = [part for part in visitors.iterate(statement) if isinstance(part, BindParameter)]
    if isinstance(statement, Insert) and not binds:
        table = statement.table
        given_out = getattr(table, "autoincrement_column", None)
        return frozenset(column.name for column in table.columns if column is not given_out)
    return frozenset(bind.key for bind in binds if bind.required)


def _compile(dialect: Dialect, statement: Executable, names: tuple[str, ...]) -> _Prepared:
    assert isinstance(statement, ClauseElement)  # noqa: S101 - every statement of Core is one
    columns = list(names) if getattr(statement, "is_dml", False) else None
    # As for many rows: the driver is not asked for a key that the engine gave out.
    compiled = statement.compile(dialect=dialect, column_keys=columns, for_executemany=True)
    assert isinstance(compiled, SQLCompiler)  # noqa: S101 - as above
    if compiled.insert_prefetch or compiled.update_prefetch or compiled.positiontup is None:
        msg = f"a column of this statement has a default made by Python, or the driver names its values: {compiled}"
        raise TypeError(msg)
    lists = tuple(name for name, bind in compiled.binds.items() if bind.expanding)
    order = compiled.positiontup
    given = {name: compiled.binds[name].effective_value for name in order if name not in names}
    for name in order:
        if name not in names and compiled.binds[name].required:
            msg = f"the statement wants {name}, given are {', '.join(names)}: {compiled}"
            raise TypeError(msg)
    converts = {
        name: convert
        for name, bind in compiled.binds.items()
        if (convert := bind.type.dialect_impl(dialect).bind_processor(dialect)) is not None
    }
    yielded = getattr(statement, "exported_columns", ())
    binds = [(name, converts.get(name)) for name in order]
    sql = str(compiled)
    named = frozenset(_WORD.findall(sql)) & metadata.tables.keys()
    return _Prepared(compiled, sql, binds, given, converts, lists, [column.type for column in yielded], named)


def _execute(connection: Connection, sql: str, values: Any, *, many: bool = False) -> Any:
    if not connection.in_transaction():
        # What SQLAlchemy does by itself: from here on a connection that was lost refuses instead of coming anew.
        connection.begin()
    cursor: Any = connection.connection.cursor()
    try:
        if many:
            cursor.executemany(sql, values)
        else:
            cursor.execute(sql, values)
    except connection.dialect.loaded_dbapi.Error as error:
        raise _told(connection, sql, error) from error
    return cursor


def _told(connection: Connection, sql: str, error: Exception) -> BaseException:
    """Return the error as SQLAlchemy tells it, without values; a connection that lost its transaction is given up."""
    dialect = connection.dialect
    told = DBAPIError.instance(
        sql,
        None,
        error,
        dialect.loaded_dbapi.Error,
        hide_parameters=True,
        dialect=dialect,
    )
    if is_unavailable(error) and not in_transaction(connection):
        connection.invalidate(told)
    return told


def _padded(values: Any) -> list[Any]:
    """Repeat the last value up to the next power of two: few lengths make few statements for the driver to keep."""
    items = list(values)
    if items:
        items.extend(items[-1:] * ((1 << (len(items) - 1).bit_length()) - len(items)))
    return items
