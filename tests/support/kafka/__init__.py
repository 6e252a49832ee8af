"""A real Apache Kafka for tests: one a run, or one of a test's own that it may break."""

from tests.support.kafka.broker import Broker
from tests.support.kafka.place import KafkaPlace, own_broker
from tests.support.kafka.shared import shared_broker

__all__ = ["Broker", "KafkaPlace", "own_broker", "shared_broker"]
