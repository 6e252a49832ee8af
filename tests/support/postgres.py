"""Fresh databases on the one PostgreSQL that a test run shares."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import functools
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from psycopg import sql

from hub.ports import Clock
from hub.store import prepared, schema
from hub.store.postgres import PostgresStore
from hub.store.postgres_engine import open_engine
from hub.store.transaction import Projection
from tests.features.catalogue import ROOT
from tests.support.clock import MONDAY_MORNING, FakeClock
from tests.support.postgres_server import START_SECONDS, NoPostgresError, binaries
from tests.support.stores import STORE_ID

GIVEN: Final = "HUB_TEST_POSTGRES"
_numbers = itertools.count()
_held: list[Any] = []


def skip_or_fail(reason: str) -> None:
    """Skip the test, loudly; in CI an absent service is a failure."""
    msg = f"PostgreSQL is absent: {reason}"
    if os.environ.get("CI") == "true":
        pytest.fail(msg)
    pytest.skip(msg)


@contextlib.contextmanager
def a_database(*, migrated: bool = True) -> Iterator[str]:
    """Yield the address of a database of one's own, dropped at the end."""
    server = _server()
    name = f"hub_{os.getpid()}_{next(_numbers)}"
    _administer(server, "CREATE DATABASE {} TEMPLATE {}", name, _template(server) if migrated else "template0")
    try:
        yield f"{server}/{name}"
    finally:
        _administer(server, "DROP DATABASE {} WITH (FORCE)", name)


@contextlib.asynccontextmanager
async def running_postgres_store(
    url: str,
    clock: Clock | None = None,
    *,
    projections: Iterable[Projection] = (),
    rehearse: bool = True,
    look_seconds: float = 60.0,
) -> AsyncIterator[PostgresStore]:
    """Run a store on a migrated database: each function runs twice; it looks for others only when they tell."""
    store = PostgresStore(
        url, clock or FakeClock(), projections=projections, rehearse=rehearse, look_seconds=look_seconds
    )
    async with store.running():
        yield store


def migrate(url: str) -> None:
    """Bring a database to the current schema, with the shipped policies."""
    engine = open_engine(url)
    try:
        schema.prepare(engine, store_id=STORE_ID, now=MONDAY_MORNING)
        prepared.warm_up(engine.dialect)
    finally:
        engine.dispose()


@functools.cache
def _server() -> str:
    given = os.environ.get(GIVEN)
    if given:
        return given.rstrip("/")
    try:
        binaries()
        return _shared_server()
    except NoPostgresError as error:
        skip_or_fail(str(error))
        raise


def _shared_server() -> str:
    """Return the server of this test run, started by whichever worker needs it first; kept while one lives."""
    while True:
        run = _run_folder()
        run.mkdir(mode=0o700, exist_ok=True)
        with contextlib.suppress(FileNotFoundError), _locked(run / "start.lock"):
            # Held to the end of this process, however it comes: the keeper waits for it.
            users = (run / "users.lock").open("w")
            _held.append(users)
            fcntl.flock(users, fcntl.LOCK_SH)
            # Else it is that of a keeper which has ended meanwhile, with its folder.
            if os.path.samestat(os.fstat(users.fileno()), (run / "users.lock").stat()):
                address = run / "url"
                if not address.exists():
                    _start_keeper(run, address)
                return address.read_text()


def _run_folder() -> Path:
    return Path(tempfile.gettempdir()) / f"hub-pg-run-{os.environ.get('PYTEST_XDIST_TESTRUNUID', os.getpid())}"


def _start_keeper(run: Path, address: Path) -> None:
    with (run / "keeper.log").open("ab") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.support.postgres_server", str(run)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    _held.append(keeper)
    deadline = time.monotonic() + START_SECONDS
    while not address.exists():
        if keeper.poll() is not None or time.monotonic() > deadline:
            raise NoPostgresError((run / "keeper.log").read_text()[-1000:])
        time.sleep(0.02)


@functools.cache
def _template(server: str) -> str:
    """Return the name of a migrated database that no test uses itself: copying it is faster than migrating."""
    if os.environ.get(GIVEN):
        # It outlives the run: each process makes its own, then takes it away.
        name = f"hub_template_{os.getpid()}"
        atexit.register(_administer, server, "DROP DATABASE IF EXISTS {}", name)
        _make_template(server, name)
        return name
    with _locked(_run_folder() / "template.lock"), psycopg.connect(f"{server}/postgres") as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = 'hub_template'").fetchone()
        if known is None:
            _make_template(server, "hub_template")
    return "hub_template"


def _make_template(server: str, name: str) -> None:
    draft = f"{name}_draft"
    _administer(server, "DROP DATABASE IF EXISTS {}", draft)
    _administer(server, "CREATE DATABASE {} TEMPLATE template0", draft)
    migrate(f"{server}/{draft}")
    _administer(server, "ALTER DATABASE {} RENAME TO {}", draft, name)


def _administer(server: str, statement: str, *names: str) -> None:
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
