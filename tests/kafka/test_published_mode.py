"""The real hub on SQLite with Kafka beside it: customers never wait for Kafka, subscribers miss nothing."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas import catalogue
from schemas.envelope import event_types
from schemas.topics import LOG
from tests.kafka.subscriber import EVERY, NOUNS, Heard, hear
from tests.support.audit import Books, problems, settled
from tests.support.hub_process import QUICK, HubProcess, until
from tests.support.kafka import KafkaPlace, own_broker
from tests.support.simulated_whatsapp import SimulatedWhatsApp, simulated_whatsapp

pytestmark = pytest.mark.kafka
assert catalogue.MODULES, "every type is known"

TEXT = "Desde la actualización todas las facturas salen con errores contables"
WAITS = {**QUICK, "HUB_WAITS__PUBLISH_RETRY_SECONDS": "0.2", "HUB_WAITS__PUBLISH_SECONDS": "5"}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubProcess]:
    process = HubProcess(tmp_path / "data", waits=WAITS)
    yield process
    process.kill()


@pytest.fixture
def whatsapp(hub: HubProcess, tmp_path: Path) -> Iterator[SimulatedWhatsApp]:
    with simulated_whatsapp(tmp_path / "provider", hub.simulator_port, hub.webhook_port) as simulated:
        yield simulated


def begin(hub: HubProcess, whatsapp: SimulatedWhatsApp, kafka: KafkaPlace) -> Books:
    asyncio.run(kafka.make(*EVERY, partitions=2))
    hub.environment = {**whatsapp.environment, **kafka.environment}
    hub.start()
    return Books(hub.data)


def until_published(books: Books, seconds: float = 30) -> None:
    until(lambda: books.count("events", "published_at IS NULL") == 0, "subscribers have everything", seconds)


def check_subscribers(books: Books, kafka: KafkaPlace) -> Heard:
    """Check that every topic has what the hub says to have published, in order per key; return what was heard."""
    stated = books.rows("SELECT id, type, key FROM events WHERE published_at IS NOT NULL ORDER BY position")
    published = {id_ for id_, _, _ in stated}
    wanted: dict[tuple[str, str], list[str]] = {}
    for id_, type_, key in stated:
        topic = event_types()[type_].TOPIC
        if topic is not LOG:
            wanted.setdefault((topic.name, key), []).append(id_)
    found: dict[tuple[str, str], list[str]] = {}
    whole = asyncio.run(hear(kafka, *NOUNS))
    # What was stated while the hub stopped may be there unmarked: the next start sends it again.
    for event in (event for event in whole.events if event.id in published):
        found.setdefault((type(event.data).TOPIC.name, event.partitionkey), []).append(event.id)
    assert found == wanted
    notices = asyncio.run(kafka.everything(LOG.name))
    assert {dict(one.headers)["ce_id"].decode() for one in notices} >= published
    return whole


def test_subscribers_read_what_customers_said_with_what_became_of_it(
    hub: HubProcess, whatsapp: SimulatedWhatsApp, kafka: KafkaPlace
) -> None:
    books = begin(hub, whatsapp, kafka)
    said = {f"+52 222 000 000{number}": [f"{TEXT} {number}.{line}" for line in range(3)] for number in range(4)}

    for line in range(3):
        whatsapp.say_all([{"from": phone, "text": texts[line]} for phone, texts in said.items()])
    until(lambda: settled(books, said), "settled")
    until_published(books)
    assert hub.stop() == 0, hub.log[-3000:]

    assert problems(books, whatsapp, said) == []
    heard = check_subscribers(books, kafka)
    assert heard.repeated == 0
    messages = [event.data.text for event in heard.events if event.type == "hub.message.received.v1"]
    assert sorted(messages) == sorted(text for texts in said.values() for text in texts)
    assert sum(event.type == "hub.ticket.opened.v1" for event in heard.events) == 4


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_with_kafka_away_customers_are_answered_then_subscribers_get_everything(
    hub: HubProcess, whatsapp: SimulatedWhatsApp, tmp_path: Path, end: str
) -> None:
    with own_broker(tmp_path / "kafka") as broker:
        kafka = KafkaPlace(broker.address)
        books = begin(hub, whatsapp, kafka)
        said: dict[str, list[str]] = {}
        before = _customers(whatsapp, said, 0)
        getattr(broker, end)()
        during = max(_customers(whatsapp, said, wave) for wave in range(1, 6))
        until(lambda: settled(books, said), "settled without Kafka")
        assert books.count("tickets") == len(said)
        waiting = books.count("events", "published_at IS NULL")
        assert waiting > 0
        assert during < max(5.0, 3 * before), f"a reply took {during:.1f} s with Kafka away, {before:.1f} s before"

        broker.start()
        began = time.monotonic()
        _customers(whatsapp, said, 6)
        until(lambda: settled(books, said), "settled")
        until_published(books)
        caught_up = time.monotonic() - began
        assert hub.stop() == 0, hub.log[-3000:]

        assert problems(books, whatsapp, said) == []
        heard = check_subscribers(books, kafka)
        figures = f"{waiting} waited, caught up in {caught_up:.1f} s, {heard.repeated} repeated; replies {during:.2f} s"
        assert heard.repeated <= 500, f"no more than one batch is sent again: {figures}"
        sys.stdout.write(figures)


def test_kafka_that_is_new_to_an_old_hub_gets_all_of_its_history_in_order(
    hub: HubProcess, whatsapp: SimulatedWhatsApp, kafka: KafkaPlace
) -> None:
    asyncio.run(kafka.make(*EVERY, partitions=2))
    books, said = Books(hub.data), dict[str, list[str]]()
    hub.environment = whatsapp.environment
    hub.start()
    _customers(whatsapp, said, 0)
    until(lambda: settled(books, said), "settled without any Kafka")
    assert hub.stop() == 0, hub.log[-3000:]
    history = books.count("events")
    assert books.count("events", "published_at IS NULL") == history > 0

    hub.environment = {**whatsapp.environment, **kafka.environment}
    hub.start()
    _customers(whatsapp, said, 1)
    until(lambda: settled(books, said), "settled with Kafka")
    until_published(books)
    assert hub.stop() == 0, hub.log[-3000:]

    assert problems(books, whatsapp, said) == []
    heard = check_subscribers(books, kafka)
    assert heard.repeated == 0
    assert len(heard.events) > history / 2, "most of history concerns subscribers"
    assert sum(event.type == "hub.ticket.opened.v1" for event in heard.events) == len(said)


def test_a_hub_that_is_killed_tells_subscribers_the_rest_when_it_is_back(
    hub: HubProcess, whatsapp: SimulatedWhatsApp, kafka: KafkaPlace
) -> None:
    books = begin(hub, whatsapp, kafka)
    said: dict[str, list[str]] = {}
    for wave in range(4):
        _customers(whatsapp, said, wave, wait=False)
        hub.kill()
        hub.start()
    until(lambda: settled(books, said), "settled", seconds=60)
    until_published(books)
    assert hub.stop() == 0, hub.log[-3000:]

    check_subscribers(books, kafka)


def test_a_hub_whose_kafka_never_comes_serves_all_the_same(hub: HubProcess, whatsapp: SimulatedWhatsApp) -> None:
    hub.environment = {**whatsapp.environment, **KafkaPlace("127.0.0.1:9").environment}
    hub.start()
    said: dict[str, list[str]] = {}
    assert _customers(whatsapp, said, 0) < 5
    until(lambda: settled(Books(hub.data), said), "settled")

    began = time.monotonic()
    assert hub.stop() == 0, hub.log[-3000:]
    assert time.monotonic() - began < 10
    assert "subscribers wait" in hub.log


def _customers(whatsapp: SimulatedWhatsApp, said: dict[str, list[str]], wave: int, *, wait: bool = True) -> float:
    """Let three new customers write; return how long the slowest waited for the reply, in seconds."""
    phones = [f"+52 222 100 {wave:02}{number:02}" for number in range(3)]
    slowest = 0.0
    for phone in phones:
        said[phone] = [TEXT]
        began = time.monotonic()
        answer = whatsapp.say(phone, TEXT)
        if wait:
            assert whatsapp.phone(answer["phone"], after=answer["after"], wait_seconds=10)
            slowest = max(slowest, time.monotonic() - began)
    return slowest
