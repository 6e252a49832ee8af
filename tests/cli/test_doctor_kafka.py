"""Command ``hub doctor`` says what is wrong with Kafka, also when nobody answers."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from hub.bus.kafka import examination, topics
from hub.doctor.broker import _told, is_named
from schemas.topics import ALL, LOG, TICKETS
from tests.cli.conftest import Ran, Run
from tests.cli.test_doctor import change, healthy
from tests.kafka.test_topics import settings_of
from tests.support.kafka import KafkaPlace, own_broker
from tests.support.kafka.fixtures import kafka, kafka_address
from tests.support.ports import free_ports

__all__ = ["healthy", "kafka", "kafka_address"]
pytestmark = [pytest.mark.kafka, pytest.mark.feature("OB-05")]


def tell(hub: Run, monkeypatch: pytest.MonkeyPatch, kafka: KafkaPlace, *words: str) -> Ran:
    for name, value in kafka.environment.items():
        monkeypatch.setenv(name, value)
    return hub(*(words or ("doctor", "--json")))


def about_kafka(ran: Ran) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for one in ran.json["findings"]:
        if one["check"].startswith("kafka"):
            found.setdefault(one["check"], []).append(one)
    return found


def test_without_kafka_nothing_is_said_of_it(hub: Run, healthy: Path) -> None:
    assert about_kafka(hub("doctor", "--json")) == {}
    assert not is_named({"HUB_DATA": "x"})


def test_missing_topics_then_waiting_subscribers_are_told_with_the_cure(
    hub: Run, healthy: Path, kafka: KafkaPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = tell(hub, monkeypatch, kafka)
    (missing,) = about_kafka(ran)["kafka.topics"]
    assert (ran.code, missing["level"]) == (1, "wrong")
    assert f"{kafka.prefix}hub.log" in missing["what_es"]
    assert f"y {len(ALL) - 5} más" in missing["what_es"]
    assert "hub topics apply" in missing["cure_es"]

    asyncio.run(topics.apply(settings_of(kafka)))
    change(healthy, "UPDATE events SET receivedat = receivedat - 7200000000")
    found = about_kafka(tell(hub, monkeypatch, kafka))
    assert [one["level"] for one in found["kafka"] + found["kafka.topics"]] == ["ok", "ok"]
    (waiting,) = found["kafka.relay"]
    assert waiting["level"] == "wrong"
    assert "eventos esperan ser enviados" in waiting["what_es"]
    assert "desde hace 2 h" in waiting["what_es"]
    assert "nada se pierde" in waiting["cure_es"]


def test_what_differs_is_told_by_topic_with_both_values(
    hub: Run, healthy: Path, kafka: KafkaPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(kafka.make(TICKETS.name, partitions=3))
    asyncio.run(topics.apply(settings_of(kafka)))

    found = about_kafka(tell(hub, monkeypatch, kafka))["kafka.topics"]

    assert {one["level"] for one in found} == {"warning"}
    assert any(f"{kafka.prefix}hub.tickets tiene partitions=3; lo declarado es 12" in one["what_es"] for one in found)


@pytest.mark.parametrize("how", ["nobody", "frozen"])
def test_a_broker_that_does_not_answer_is_told_within_seconds(
    hub: Run, healthy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    if how == "nobody":
        found = _seconds_and_words(hub, monkeypatch, KafkaPlace(f"127.0.0.1:{free_ports(1)[0]}"))
    else:
        with own_broker(tmp_path / "kafka") as broker:
            broker.freeze()
            found = _seconds_and_words(hub, monkeypatch, KafkaPlace(broker.address))

    seconds, said = found
    assert said["level"] == "wrong"
    assert "Kafka no responde" in said["what_es"]
    assert "HUB_KAFKA_BOOTSTRAP_SERVERS" in said["cure_es"]
    assert seconds < 30, "a person waits for it"


def _seconds_and_words(hub: Run, monkeypatch: pytest.MonkeyPatch, kafka: KafkaPlace) -> tuple[float, dict[str, str]]:
    began = time.monotonic()
    (said,) = about_kafka(tell(hub, monkeypatch, kafka))["kafka"]
    return time.monotonic() - began, said


def test_a_wrong_variable_is_a_wrong_configuration(hub: Run, healthy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_KAFKA_BOOTSTRAP_SERVERS", "no port")

    ran = hub("doctor", "--json")

    (said,) = about_kafka(ran)["kafka"]
    assert (ran.code, said["level"]) == (2, "misconfigured")
    assert "HUB_KAFKA_BOOTSTRAP_SERVERS" in said["what_es"]


async def test_a_group_is_as_far_behind_as_it_has_notices_to_read(kafka: KafkaPlace) -> None:
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

    settings = settings_of(kafka)
    await topics.apply(settings)
    log = settings.topic(LOG.name)
    producer = AIOKafkaProducer(bootstrap_servers=kafka.address)
    await producer.start()
    for number in range(30):
        await producer.send_and_wait(log, b"x", partition=number % 12)
    await producer.stop()
    reader = AIOKafkaConsumer(bootstrap_servers=kafka.address, group_id=f"{kafka.prefix}fast", enable_auto_commit=False)
    await reader.start()
    reader.assign([TopicPartition(log, number) for number in range(12)])
    await reader.commit({TopicPartition(log, number): 2 for number in range(12)})
    await reader.stop()

    seen = await examination.examine(settings, ["fast", "new"], seconds=20)

    assert seen.behind == {"fast": 6, "new": 30}
    assert (seen.differ, seen.weak) == ((), [])


async def test_too_few_copies_in_step_are_told(kafka: KafkaPlace) -> None:
    await topics.apply(settings_of(kafka))
    three = settings_of(kafka, replication=3)

    seen = await examination.examine(three, [], seconds=20)

    assert len(seen.weak) == len(ALL)
    told = {one.check: one for one in _told(three, seen)}
    assert told["kafka.copies"].level == "wrong"
    assert told["kafka.topics"].level == "warning"
