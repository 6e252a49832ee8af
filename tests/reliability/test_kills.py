"""The real process killed at named points: nothing lost, nothing twice, in order."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.audit import Books, problems, settled
from tests.support.hub_process import HubProcess, until
from tests.support.simulated_whatsapp import SimulatedWhatsApp, simulated_whatsapp

SAID = {
    "+52 222 111 0001": ["uno: no timbra", "dos: sigue igual", "tres: ¿hola?"],
    "+52 222 111 0002": ["la impresora no jala", "ya la reinicié"],
    "+52 222 111 0003": ["quiero un módulo de nómina"],
}

POINTS = [
    "migration.before_commit:1",
    "intake.received:2",
    "journal.before_commit:2",
    "journal.committed:2",
    "ingest.before_commit:2",
    "ingest.committed:2",
    "consumer.before_commit:3",
    "consumer.committed:2",
    "effect.sending:1",
    "effect.answered:1",
    "effect.settled:1",
    "timer.before_commit:1",
    "timer.committed:1",
    "stop.draining:1",
]

KILLED = -9

# Warnings fall due at once, so that timers fire within the test.
_IMPATIENT = """
UPDATE policies SET body = json_set(body, '$.resolution_natural_minutes', 60, '$.warn_at_share', 0.00001)
WHERE kind = 'service_levels'
"""


@pytest.mark.feature("OP-01")
@pytest.mark.feature("DE-02")
@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_named_point_the_hub_loses_nothing_doubles_nothing(point: str, tmp_path: Path) -> None:
    hub = HubProcess(tmp_path / "data")
    with simulated_whatsapp(tmp_path / "provider", hub.simulator_port, hub.webhook_port) as whatsapp:
        hub.environment = whatsapp.environment
        books = Books(hub.data)
        try:
            if point.startswith("timer"):
                _make_impatient(hub)

            hub.start(kill_at=point)
            _say_everything(hub, whatsapp)
            _see_it_killed(hub, point)
            until(lambda: settled(books, SAID), f"settled after {point}")

            assert problems(books, whatsapp, SAID) == []
            if point.startswith("timer"):
                until(lambda: len(_warned(books)) == len(SAID), "every warning given")
            stated = books.count("events")
            _send_everything_again(whatsapp)
            assert hub.stop() == 0, hub.log[-3000:]
            assert problems(books, whatsapp, SAID) == []
            assert len(set(_warned(books))) == len(_warned(books))
            assert books.count("events", "type LIKE 'hub.message.%'") == sum(map(len, SAID.values()))
            assert books.count("events") >= stated
        finally:
            hub.kill()


def _say_everything(hub: HubProcess, whatsapp: SimulatedWhatsApp) -> None:
    """Say each text once the one before was accepted: the order of acceptance is the order that is promised."""
    for number in range(max(map(len, SAID.values()))):
        for phone, texts in SAID.items():
            if number < len(texts):
                whatsapp.say(phone, texts[number], id=_id(phone, number))
                until(lambda: not hub.alive or not whatsapp.undelivered(), "accepted, or dead")
                if not hub.alive:
                    assert hub.wait_dead() == KILLED, hub.log[-3000:]
                    hub.start()
                    until(lambda: not whatsapp.undelivered(), "accepted after the restart")


def _see_it_killed(hub: HubProcess, point: str) -> None:
    """Make sure that the hub died at the point, then start it again."""
    if hub.lives > 1 and not point.startswith("timer"):
        return
    if point.startswith("stop"):
        assert hub.stop() == KILLED
    else:
        until(lambda: not hub.alive or hub.lives > 1 + point.startswith("timer"), f"killed at {point}")
    if not hub.alive:
        assert hub.wait_dead() == KILLED, hub.log[-3000:]
        hub.start()


def _send_everything_again(whatsapp: SimulatedWhatsApp) -> None:
    before = whatsapp.accepted()
    for phone, texts in SAID.items():
        for number, text in enumerate(texts):
            whatsapp.say(phone, text, id=_id(phone, number), times=5)
    until(lambda: whatsapp.accepted() >= before + 30, "everything accepted five times again")


def _make_impatient(hub: HubProcess) -> None:
    hub.start()
    assert hub.stop() == 0, hub.log[-3000:]
    with closing(sqlite3.connect(hub.data / "hub.db")) as connection, connection:
        connection.execute(_IMPATIENT)


def _warned(books: Books) -> list[str]:
    return [data["clock_id"] for _, data in books.events("clock.warned") if data["name"] == "resolution"]


def _id(phone: str, number: int) -> str:
    return f"wamid.{phone[-4:]}.{number}"
