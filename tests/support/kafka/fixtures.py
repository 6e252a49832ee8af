"""Fixtures of the run's own broker, for the conftest of a folder that needs it."""

from __future__ import annotations

import uuid

import pytest

from tests.support.kafka import KafkaPlace, shared_broker


@pytest.fixture(scope="session")
def kafka_address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the address of the run's broker."""
    return shared_broker(tmp_path_factory)


@pytest.fixture
def kafka(kafka_address: str) -> KafkaPlace:
    """Return the run's broker under a prefix that no other test has."""
    return KafkaPlace(kafka_address, f"t{uuid.uuid4().hex[:12]}.")
