"""Migrations: from nothing, again, interrupted, refused."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, select, update

from hub.errors import Misconfigured
from hub.store import policies, schema
from hub.store.engine import open_engine
from hub.store.tables import metadata, store_info
from hub.store.tables import schema as schema_table
from tests.support.clock import MONDAY_MORNING


def prepare(path: Path, store_id: str = "s1") -> Engine:
    """Migrate the database at a path, then return an engine for it."""
    engine = open_engine(path)
    schema.prepare(engine, store_id=store_id, now=MONDAY_MORNING)
    return engine


def shape(engine: Engine) -> dict[str, str]:
    """Return how SQLite was told to make each table or index, without its spaces."""
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {name: re.sub(r"\s+", " ", sql).replace("( ", "(").replace(" )", ")") for name, sql in rows}


def test_an_empty_file_becomes_a_current_database(tmp_path: Path) -> None:
    engine = prepare(tmp_path / "hub.db")

    assert schema.is_current(engine)
    with engine.connect() as connection:
        info = connection.execute(select(store_info)).one()
    assert (info.id, info.created_at) == ("s1", MONDAY_MORNING)


def test_a_current_database_is_left_alone(tmp_path: Path) -> None:
    prepare(tmp_path / "hub.db").dispose()
    before = (tmp_path / "hub.db").read_bytes()

    engine = prepare(tmp_path / "hub.db", store_id="s2")

    with engine.connect() as connection:
        assert connection.execute(select(store_info.c.id)).scalar_one() == "s1"
    engine.dispose()
    assert (tmp_path / "hub.db").read_bytes() == before


def test_a_database_of_newer_code_is_refused(tmp_path: Path) -> None:
    engine = prepare(tmp_path / "hub.db")
    with engine.connect() as connection:
        connection.execute(update(schema_table).values(version="9999", oldest_code=schema.CODE))
        schema.prepare(engine, store_id="s2", now=MONDAY_MORNING)
        connection.execute(update(schema_table).values(oldest_code=schema.CODE + 1))

    with pytest.raises(Misconfigured, match=f"release {schema.CODE + 1} or newer, this is {schema.CODE}"):
        schema.prepare(engine, store_id="s2", now=MONDAY_MORNING)


def test_an_interrupted_migration_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(policies, "seed", die)
        with pytest.raises(KeyboardInterrupt):
            prepare(tmp_path / "hub.db")
    assert shape(open_engine(tmp_path / "hub.db")) == {}

    assert schema.is_current(prepare(tmp_path / "hub.db"))


def test_the_migrations_lead_to_the_declared_tables(tmp_path: Path) -> None:
    migrated = prepare(tmp_path / "migrated.db")
    declared = open_engine(tmp_path / "declared.db")
    metadata.create_all(declared)

    with migrated.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "schema_steps"})
        assert compare_metadata(context, metadata) == []
    found, wanted = shape(migrated), shape(declared)
    found.pop("schema_steps")
    assert found.keys() == wanted.keys()
    for name in wanted:
        keyless = {"AUTOINCREMENT", "WITHOUT ROWID"}
        assert {word for word in keyless if word in found[name]} == {word for word in keyless if word in wanted[name]}


def test_the_newest_step_is_the_one_that_the_code_names() -> None:
    config = Config()
    config.set_main_option("script_location", "hub:store/migrations")
    config.set_main_option("path_separator", "os")

    assert ScriptDirectory.from_config(config).get_heads() == [schema.HEAD]


def test_a_lock_of_the_data_directory_has_one_holder(tmp_path: Path) -> None:
    with schema.locked(tmp_path, "worker"), schema.locked(tmp_path, "receiver"):
        second = schema.locked(tmp_path, "worker")
        with pytest.raises(Misconfigured, match="another process is the worker"):
            second.__enter__()

    with schema.locked(tmp_path, "worker"):
        assert (tmp_path / "worker.lock").stat().st_mode & 0o777 == 0o600


def test_the_shipped_rules_are_seeded_once(tmp_path: Path) -> None:
    engine = prepare(tmp_path / "hub.db")
    with engine.connect() as connection:
        policies.seed(connection)
        count = connection.exec_driver_sql("SELECT count(*), count(DISTINCT kind) FROM policies").one()
        found = policies.PolicyReader().load(connection, MONDAY_MORNING + timedelta(days=1))

    assert count[0] == count[1]
    assert found.attendance.zone == "America/Mexico_City"
