"""Migrations of PostgreSQL: from nothing, again, by several at once, interrupted, refused."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, select, text, update
from sqlalchemy.engine import Connection

from hub.errors import Misconfigured
from hub.store import policies, schema
from hub.store.postgres_engine import open_engine
from hub.store.tables import metadata, store_info
from hub.store.tables import schema as schema_table
from tests.support.clock import MONDAY_MORNING
from tests.support.postgres import a_database

pytestmark = pytest.mark.postgres

INDEXES = text("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname")


@pytest.fixture
def engine() -> Iterator[Engine]:
    """An empty database."""
    with a_database(migrated=False) as url:
        engine = open_engine(url, time_limits=False)
        yield engine
        engine.dispose()


def indexes(connection: Connection) -> dict[str, str]:
    """Return how PostgreSQL would make each index, keys included."""
    return {row.indexname: row.indexdef for row in connection.execute(INDEXES)}


def prepare(engine: Engine, store_id: str = "s1") -> None:
    """Bring a database up to date."""
    schema.prepare(engine, store_id=store_id, now=MONDAY_MORNING)


def test_an_empty_database_becomes_a_current_one(engine: Engine) -> None:
    assert not schema.is_current(engine)

    prepare(engine)
    prepare(engine, store_id="s2")

    assert schema.is_current(engine)
    with engine.connect() as connection:
        info = connection.execute(select(store_info)).one()
    assert (info.id, info.created_at) == ("s1", MONDAY_MORNING)


def test_of_several_who_come_at_once_one_migrates(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    together, seeded, seed = threading.Barrier(3, timeout=20), [], policies.seed

    def count(connection: Connection) -> None:
        seeded.append(1)
        seed(connection)

    monkeypatch.setattr(policies, "seed", count)

    def come(store_id: str) -> None:
        together.wait()
        prepare(engine, store_id)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(come, ["s1", "s2", "s3"]))

    assert seeded == [1]
    with engine.connect() as connection:
        assert len(connection.execute(select(store_info)).all()) == 1


def test_a_database_of_newer_code_is_refused(engine: Engine) -> None:
    prepare(engine)
    with engine.connect() as connection:
        connection.execute(update(schema_table).values(version="9999", oldest_code=schema.CODE))
        prepare(engine)
        connection.execute(update(schema_table).values(oldest_code=schema.CODE + 1))

    with pytest.raises(Misconfigured, match=f"release {schema.CODE + 1} or newer"):
        prepare(engine)


def test_an_interrupted_migration_leaves_nothing(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(policies, "seed", die)
        with pytest.raises(KeyboardInterrupt):
            prepare(engine)
    assert inspect(engine).get_table_names() == []

    prepare(engine)
    assert schema.is_current(engine)


def test_the_migrations_lead_to_the_declared_tables(engine: Engine) -> None:
    prepare(engine)
    with a_database(migrated=False) as url:
        declared = open_engine(url)
        metadata.create_all(declared)
        with engine.connect() as migrated, declared.connect() as wanted:
            context = MigrationContext.configure(migrated, opts={"version_table": "schema_steps"})
            assert compare_metadata(context, metadata) == []
            found = indexes(migrated)
            found.pop("schema_steps_pkc")
            assert found == indexes(wanted)
        declared.dispose()


def test_text_is_compared_by_its_bytes(engine: Engine) -> None:
    prepare(engine)
    unsafe = text(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
        " AND data_type IN ('text', 'character varying') AND collation_name IS DISTINCT FROM 'C'"
    )

    with engine.connect() as connection:
        found = {f"{table}.{column}" for table, column in connection.execute(unsafe)}

    documents = {
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.columns
        if re.search("Json", type(column.type).__name__)
    }
    assert found - documents == {"schema_steps.version_num"}
