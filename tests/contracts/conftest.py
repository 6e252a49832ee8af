"""What the contract suites share: readable assertions in the classes that implementations inherit."""

import pytest

from tests.support.kafka.fixtures import kafka, kafka_address

__all__ = ["kafka", "kafka_address"]

pytest.register_assert_rewrite("tests.contracts.store")
