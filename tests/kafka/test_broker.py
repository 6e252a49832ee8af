"""The broker of the tests is a real one that ends with its test run."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.kafka import KafkaPlace, own_broker, probe
from tests.support.kafka.absent import give_up

pytestmark = pytest.mark.kafka


async def test_what_is_sent_can_be_read(kafka: KafkaPlace) -> None:
    from aiokafka import AIOKafkaProducer

    await kafka.make("greetings", partitions=2)
    producer = AIOKafkaProducer(bootstrap_servers=kafka.address)
    await producer.start()
    for number in range(10):
        await producer.send_and_wait(kafka.prefix + "greetings", str(number).encode(), key=b"k")
    await producer.stop()

    assert [record.value for record in await kafka.everything("greetings")] == [str(n).encode() for n in range(10)]


def test_an_own_broker_can_be_killed_frozen_started_again(tmp_path: Path) -> None:
    with own_broker(tmp_path / "kafka") as broker:
        broker.kill()
        assert not probe.serves(broker.port)
        broker.start()
        broker.freeze()
        assert not probe.serves(broker.port)
        broker.thaw()
        assert probe.serves(broker.port)
        broker.stop()
        assert not broker.alive


def test_the_shared_broker_ends_with_its_run_however_that_ends(kafka_address: str, tmp_path: Path) -> None:
    answer = tmp_path / "kafka.json"
    run = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    keeper = subprocess.Popen([sys.executable, "-m", "tests.support.kafka.keeper", str(run.pid), str(answer)])
    deadline = time.monotonic() + 60
    while not answer.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    port = json.loads(answer.read_text())["port"]
    assert probe.serves(port)

    run.kill()
    run.communicate()

    assert keeper.wait(20) == 0
    assert not probe.serves(port)


def test_absence_is_said_aloud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"no Kafka: no java; .*HUB_TEST_KAFKA"):
        give_up("no java")

    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no Kafka: no java"):
        give_up("no java")
