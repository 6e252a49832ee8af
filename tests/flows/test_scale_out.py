"""The hub at scale: processes by role on PostgreSQL with Kafka, whatever of them goes away."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from schemas import catalogue
from tests.kafka.subscriber import NOUNS, hear
from tests.support.audit import problems, settled
from tests.support.fleet import ROLES, Fleet, a_fleet
from tests.support.hub_process import until
from tests.support.kafka import KafkaPlace, own_broker
from tests.support.postgres import a_database
from tests.support.postgres_server import PostgresServer
from tests.support.simulated_whatsapp import SimulatedWhatsApp

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.xdist_group("scale")]

assert catalogue.MODULES, "every type is known"

WORKERS = ("worker-1", "worker-2")
TEXT = "Desde la actualización todas las facturas salen con errores contables"


@pytest.mark.feature("DE-03", part="kafka")
def test_a_message_goes_through_five_processes_once(tmp_path: Path, kafka: KafkaPlace) -> None:
    with a_database(migrated=False) as database, a_fleet(tmp_path, database, kafka) as (fleet, whatsapp):
        _apply_topics(fleet)
        fleet.start(*ROLES)
        said = {f"+52 222 200 00{number:02}": [f"{TEXT} {line}" for line in range(3)] for number in range(16)}

        for line in range(3):
            whatsapp.say_all([{"from": phone, "text": texts[line]} for phone, texts in said.items()])
        said |= _keep_talking_until_both_work(fleet, whatsapp)
        until(lambda: settled(fleet.books, said), "settled", seconds=60)
        fleet.until_published()
        handled = {name: _handled(fleet, name) for name in WORKERS}
        pages = fleet.processes["console"].get("/readyz")
        fleet.stop()

        assert problems(fleet.books, whatsapp, said) == []
        assert pages == "ready"
        assert min(handled.values()) > 0, f"both workers have their share: {handled}"
        heard = asyncio.run(hear(kafka, *NOUNS))
        assert sum(event.type == "hub.ticket.opened.v1" for event in heard.events) == len(said)
        for phone_events in heard.keys().values():
            lines = [event.data.text for event in phone_events if event.type == "hub.message.received.v1"]
            assert lines in ([f"{TEXT} {line}" for line in range(3)], [TEXT])


def test_kafka_then_the_database_go_away_under_load(tmp_path: Path, server: PostgresServer) -> None:
    with (
        own_broker(tmp_path / "kafka") as broker,
        a_fleet(tmp_path, f"{server.url}/hub", KafkaPlace(broker.address)) as (fleet, whatsapp),
    ):
        _apply_topics(fleet)
        fleet.start("intake", "worker-1", "effects")
        said: dict[str, list[str]] = {}
        _say(whatsapp, said, 0)
        until(lambda: settled(fleet.books, said), "settled with both", seconds=60)

        broker.stop()
        _say(whatsapp, said, 1)
        until(lambda: settled(fleet.books, said), "customers are answered without Kafka", seconds=60)
        assert fleet.books.count("events", "published_at IS NULL") > 0
        server.stop()
        _say(whatsapp, said, 2)
        server.start()
        until(lambda: settled(fleet.books, said), "settled when the database is back", seconds=60)
        broker.start()
        _say(whatsapp, said, 3)
        until(lambda: settled(fleet.books, said), "settled with both again", seconds=60)
        fleet.until_published(60)
        fleet.stop()

        assert problems(fleet.books, whatsapp, said) == []
        heard = asyncio.run(hear(KafkaPlace(broker.address), *NOUNS))
        assert {event.id for event in heard.events} == {id_ for (id_,) in fleet.books.rows(_NOUN_EVENTS)}


@pytest.mark.parametrize("name", ["worker-1", "effects", "intake"])
def test_a_process_that_is_killed_costs_nothing(tmp_path: Path, kafka: KafkaPlace, name: str) -> None:
    with a_database(migrated=False) as database, a_fleet(tmp_path, database, kafka) as (fleet, whatsapp):
        _apply_topics(fleet)
        fleet.start("intake", "worker-1", "worker-2", "effects")
        said: dict[str, list[str]] = {}
        for wave in range(3):
            _say(whatsapp, said, wave, wait=False)
            fleet.processes[name].kill()
            _say(whatsapp, said, 10 + wave, wait=False)
            fleet.start(name)
        until(lambda: settled(fleet.books, said) and not whatsapp.undelivered(), "settled", seconds=90)
        fleet.stop()

        assert problems(fleet.books, whatsapp, said) == []


_NOUN_EVENTS = "SELECT id FROM events WHERE type NOT LIKE 'hub.timer.%'"


def _say(whatsapp: SimulatedWhatsApp, said: dict[str, list[str]], wave: int, *, wait: bool = True) -> None:
    """Let six new customers write; answered 200 in any case."""
    phones = [f"+52 222 300 {wave:02}{number:02}" for number in range(6)]
    for phone in phones:
        said[phone] = [TEXT]
        whatsapp.say(phone, TEXT)
    if wait:
        until(lambda: not whatsapp.undelivered(), "answered 200")


def _keep_talking_until_both_work(fleet: Fleet, whatsapp: SimulatedWhatsApp) -> dict[str, list[str]]:
    """Return what was said: a group shares its work out anew within seconds after somebody joined late."""
    said = {}
    for number in range(200):
        if min(_handled(fleet, name) for name in WORKERS) > 0:
            break
        phone = f"+52 222 300 {number:04}"
        said[phone] = [TEXT]
        whatsapp.say(phone, TEXT)
        time.sleep(0.1)
    return said


def _handled(fleet: Fleet, name: str) -> float:
    lines = fleet.processes[name].get("/metrics").splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("hub_events_handled_total"))


def _apply_topics(fleet: Fleet) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hub", "topics", "apply"],
        env={**os.environ, **fleet.environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
