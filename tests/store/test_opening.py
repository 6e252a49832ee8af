"""A PostgreSQL that the settings name is migrated, waited for, examined."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import psycopg
import pytest

from hub.doctor import server as doctor
from hub.errors import StoreUnavailable
from hub.settings import load
from hub.store import opening
from hub.system import SystemClock, SystemRandomness
from tests.support.ports import free_ports
from tests.support.postgres import a_database, skip_or_fail
from tests.support.postgres_server import NoPostgresError, PostgresServer, a_server

pytestmark = pytest.mark.postgres

CLOCK, RANDOMNESS = SystemClock(), SystemRandomness()


@pytest.fixture
def careless() -> Iterator[PostgresServer]:
    """A server that would lose what it confirmed, with an empty database named ``hub``."""
    try:
        with a_server("fsync=off") as server:
            with psycopg.connect(f"{server.url}/postgres", autocommit=True) as connection:
                connection.execute("CREATE DATABASE hub")
            yield server
    except NoPostgresError as error:
        skip_or_fail(str(error))


def test_the_doctor_tells_an_empty_database_from_a_current_one() -> None:
    with a_database(migrated=False) as url:
        assert not opening.is_current(url, CLOCK)
        assert "hub migrate" in doctor.examine(url, CLOCK).cure_es

        opening.migrate(url, CLOCK, RANDOMNESS)

        assert opening.is_current(url, CLOCK)
        assert doctor.examine(url, CLOCK).level == "ok"


def test_a_server_that_is_away_is_told_without_its_address() -> None:
    url = f"postgresql+psycopg://hub:canary@127.0.0.1:{free_ports(1)[0]}/hub"

    with pytest.raises(StoreUnavailable) as caught:
        opening.migrate(url, CLOCK, RANDOMNESS)

    assert "canary" not in str(caught.value)
    found = doctor.examine(url, CLOCK)
    assert (found.level, "canary" in found.what_es) == ("wrong", False)


async def test_the_start_waits_for_the_server_then_refuses_a_careless_one(careless: PostgresServer) -> None:
    careless.stop()
    start = asyncio.create_task(opening.migrated(f"{careless.url}/hub", CLOCK, RANDOMNESS, retry_seconds=0.01))
    done, _ = await asyncio.wait({start}, timeout=0.3)
    assert not done
    careless.options = ("fsync=on",)
    careless.start()
    await start
    careless.stop()
    careless.options = ("fsync=off",)
    careless.start()

    assert "fsync=off" in doctor.examine(f"{careless.url}/hub", CLOCK).what_es


def test_postgresql_is_opened_by_the_tests_switch_alone() -> None:
    url = "postgresql+psycopg://hub:canary@127.0.0.1:5432/hub"

    given = load({"HUB_DATABASE_URL": url, "HUB_POSTGRESQL_WITHOUT_KAFKA": "true"})

    assert given.database_url is not None
    assert given.database_url.get_secret_value() == url
    assert "canary" not in repr(given)
