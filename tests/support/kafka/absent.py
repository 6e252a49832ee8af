"""Says loudly that there is no Kafka to test against."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

CURE = (
    "tests marked kafka need Java 17 with Maven (then the broker comes by itself), "
    "or HUB_TEST_KAFKA=127.0.0.1:9092 for one that runs, or Docker"
)


class KafkaAbsent(Exception):
    """No broker could be provisioned; the reason is its text."""


def give_up(reason: str) -> NoReturn:
    """Skip the test with the reason; fail it where everything must run."""
    text = f"no Kafka: {reason}; {CURE}"
    if os.environ.get("CI") == "true":
        pytest.fail(text, pytrace=False)
    pytest.skip(text)
