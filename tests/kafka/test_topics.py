"""Topics are made as declared, never otherwise, never by accident."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import replace
from typing import Any

import pytest

from hub.bus.kafka import topics
from hub.errors import BrokerUnavailable
from hub.kafka_settings import KafkaSettings, load
from schemas.topics import ALL, MESSAGES
from tests.support.kafka import KafkaPlace
from tests.support.ports import free_ports

pytestmark = pytest.mark.kafka


def settings_of(kafka: KafkaPlace, **more: Any) -> KafkaSettings:
    settings = load(kafka.environment)
    assert settings is not None
    return settings.model_copy(update=more)


async def test_every_declared_topic_is_made_once_with_twelve_partitions(kafka: KafkaPlace) -> None:
    settings = settings_of(kafka)

    looked = await topics.apply(settings, only_look=True)
    first = await topics.apply(settings)
    second = await topics.apply(settings)

    assert [one.topic for one in looked.differ] == [kafka.prefix + topic.name for topic in ALL]
    assert list(first.made) == [kafka.prefix + topic.name for topic in ALL]
    assert second == topics.Applied((), ())
    async with kafka.reading(*(topic.name for topic in ALL)) as consumer:
        assert len(consumer.assignment()) == 12 * len(ALL)


async def test_what_differs_is_said_yet_left_alone(kafka: KafkaPlace) -> None:
    await kafka.make(MESSAGES.name, partitions=3)
    settings = settings_of(kafka)
    await topics.apply(settings)

    shorter = [replace(topic, retention_days=1) if topic != MESSAGES else topic for topic in ALL]
    found = await topics.apply(settings, declared=shorter)

    by_topic = {one.topic.removeprefix(kafka.prefix): one for one in found.differ if one.what == "partitions"}
    assert [(name, one.found, one.wanted) for name, one in by_topic.items()] == [("hub.messages", "3", "12")]
    shortened = {one.topic for one in found.differ if one.what == "retention.ms" and one.wanted == "86400000"}
    assert len(shortened) == len(ALL) - 1
    assert found.made == ()


async def test_more_copies_than_brokers_are_refused_with_the_knob(kafka: KafkaPlace) -> None:
    with pytest.raises(BrokerUnavailable, match="HUB_KAFKA_REPLICATION=3"):
        await topics.apply(settings_of(kafka, replication=3))


async def test_an_absent_broker_is_said_in_a_sentence() -> None:
    (port,) = free_ports(1)
    settings = KafkaSettings(bootstrap_servers=(f"127.0.0.1:{port}",))

    with pytest.raises(BrokerUnavailable, match="HUB_KAFKA_BOOTSTRAP_SERVERS"):
        await topics.apply(settings)


async def test_the_command_makes_them_then_says_so(kafka: KafkaPlace) -> None:
    made = await _hub(kafka, "topics", "apply", "--json")
    again = await _hub(kafka, "topics", "apply")
    kafka_missing = KafkaPlace(kafka.address, kafka.prefix + "more.")
    missing = await _hub(kafka_missing, "topics", "apply", "--check")

    assert made[0] == 0
    assert len(json.loads(made[1])["made"]) == len(ALL)
    assert again == (0, "Every topic is as declared.\n")
    assert missing[0] == 1
    assert f"missing {kafka_missing.prefix}hub.log" in missing[1]


async def _hub(kafka: KafkaPlace, *words: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "hub",
        *words,
        env={**os.environ, **kafka.environment},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    return process.returncode, out.decode()
