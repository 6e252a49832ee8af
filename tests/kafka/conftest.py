"""Fixtures of the tests on a real Kafka."""

from tests.support.kafka.fixtures import kafka, kafka_address

__all__ = ["kafka", "kafka_address"]
