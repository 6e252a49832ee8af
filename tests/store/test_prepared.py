"""Statements run on the driver answer as SQLAlchemy's own execution does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, bindparam, func, insert, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError, OperationalError, PendingRollbackError

from hub.store import prepared
from hub.store.engine import open_engine
from hub.store.types import Instant, Json, Text
from tests.support.clock import MONDAY_MORNING

THINGS = Table(
    "things",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("name", Text, unique=True),
    Column("at", Instant),
    Column("body", Json),
)
NAMED = select(THINGS).where(THINGS.c.name.in_(bindparam("names", expanding=True))).order_by(THINGS.c.id)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    engine = open_engine(tmp_path / "things.db")
    with engine.connect() as connection:
        THINGS.metadata.create_all(connection)
        yield connection
    engine.dispose()


def add(connection: Connection, *names: str) -> None:
    prepared.run_many(
        connection, insert(THINGS), [{"name": name, "at": MONDAY_MORNING, "body": {"of": name}} for name in names]
    )


def test_rows_are_those_of_sqlalchemy(connection: Connection) -> None:
    add(connection, "a", "b")

    ours = prepared.every(connection, NAMED, {"names": ["a", "b"]})
    theirs = connection.execute(NAMED, {"names": ["a", "b"]}).all()

    assert [row._mapping for row in ours] == [row._mapping for row in theirs]
    assert (ours[0].name, ours[0].at, ours[1].body) == ("a", MONDAY_MORNING, {"of": "b"})


@pytest.mark.parametrize("count", range(10))
def test_a_list_holds_as_many_values_as_it_is_given(connection: Connection, count: int) -> None:
    names = [str(number) for number in range(count)]
    add(connection, *names, "another")

    assert [row.name for row in prepared.every(connection, NAMED, {"names": names})] == names


def test_a_statement_keeps_its_own_values_beside_those_given(connection: Connection) -> None:
    add(connection, "a", "b", "c")
    limited = select(THINGS.c.name).where(THINGS.c.id > bindparam("after")).order_by(THINGS.c.id).limit(1)
    renamed = update(THINGS).where(THINGS.c.name == bindparam("old")).values(name="z", body=None)

    row = prepared.one(connection, limited, {"after": 1})
    assert row is not None
    assert row.name == "b"
    assert prepared.run(connection, renamed, {"old": "a"}) == 1
    assert prepared.run(connection, renamed, {"old": "nobody"}) == 0
    assert prepared.one(connection, select(func.count()).select_from(THINGS).where(THINGS.c.name == "z"), {}) == (1,)
    assert prepared.one(connection, limited, {"after": 99}) is None


@pytest.mark.parametrize("params", [{}, {"other": 1}])
def test_a_value_that_is_missing_is_told_by_name(connection: Connection, params: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="wants wanted"):
        prepared.one(connection, select(THINGS).where(THINGS.c.id == bindparam("wanted")), params)


def test_a_default_made_in_python_is_refused_rather_than_forgotten(connection: Connection) -> None:
    table = Table("others", MetaData(), Column("id", Integer, primary_key=True), Column("name", Text, default="x"))

    with pytest.raises(TypeError, match="default"):
        prepared.run(connection, insert(table), {"id": 1})


def test_an_error_is_told_without_the_values(connection: Connection) -> None:
    add(connection, "secret")

    with pytest.raises(IntegrityError) as caught:
        add(connection, "secret")

    assert "secret" not in str(caught.value)


def test_a_connection_that_lost_its_transaction_takes_no_further_statement(connection: Connection) -> None:
    prepared.command(connection, "PRAGMA max_page_count=10")
    prepared.command(connection, "BEGIN IMMEDIATE")

    with pytest.raises(OperationalError, match="full"):
        add(connection, *(str(number) * 3_000 for number in range(100)))
    with pytest.raises(PendingRollbackError):
        add(connection, "a")
