"""Fixtures of the flows: the real process with what it talks to."""

from tests.support.engines import database
from tests.support.kafka.fixtures import kafka, kafka_address
from tests.support.running_hub import books, facebook, hub, server, whatsapp

__all__ = ["books", "database", "facebook", "hub", "kafka", "kafka_address", "server", "whatsapp"]
