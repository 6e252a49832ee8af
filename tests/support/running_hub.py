"""Fixtures of tests that run the real process: a hub, a simulated provider, a database of either engine."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.kafka.subscriber import EVERY
from tests.support.audit import Books, PostgresBooks
from tests.support.hub_process import HubProcess
from tests.support.ports import free_ports
from tests.support.postgres import a_database, skip_or_fail
from tests.support.postgres_server import NoPostgresError, PostgresServer, a_server
from tests.support.simulated_facebook import SimulatedFacebook, simulated_facebook
from tests.support.simulated_whatsapp import SimulatedWhatsApp, simulated_whatsapp


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubProcess]:
    """A hub that is not started yet; whatever is left of it at the end is killed."""
    process = HubProcess(tmp_path / "data")
    yield process
    process.kill()


@pytest.fixture
def whatsapp(hub: HubProcess, tmp_path: Path) -> Iterator[SimulatedWhatsApp]:
    """The provider of that hub."""
    with simulated_whatsapp(tmp_path / "provider", hub.simulator_port, hub.webhook_port) as simulated:
        hub.environment = {**hub.environment, **simulated.environment}
        yield simulated


@pytest.fixture
def facebook(hub: HubProcess, tmp_path: Path) -> Iterator[SimulatedFacebook]:
    """Another provider of that hub."""
    with simulated_facebook(tmp_path / "page", free_ports(1)[0], hub.webhook_port) as simulated:
        hub.environment = {**hub.environment, **simulated.environment}
        yield simulated


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql+kafka", marks=[pytest.mark.postgres, pytest.mark.kafka])],
)
def books(request: pytest.FixtureRequest, hub: HubProcess, whatsapp: SimulatedWhatsApp) -> Iterator[Books]:
    """What the hub writes down, embedded or on PostgreSQL with Kafka: the same test runs on both."""
    if request.param == "sqlite":
        yield Books(hub.data)
        return
    kafka = request.getfixturevalue("kafka")
    asyncio.run(kafka.make(*EVERY, partitions=2))
    with a_database() as url:
        address = url.replace("postgresql:", "postgresql+psycopg:")
        hub.environment = {**hub.environment, **kafka.environment, "HUB_DATABASE_URL": address}
        yield PostgresBooks(url)
        hub.kill()


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A PostgreSQL server of the test's own, with an empty database named ``hub``."""
    try:
        with a_server() as server:
            with psycopg.connect(f"{server.url}/postgres", autocommit=True) as connection:
                connection.execute("CREATE DATABASE hub")
            yield server
    except NoPostgresError as error:
        skip_or_fail(str(error))
