"""A PostgreSQL that came out of a back-up, with the hub spread over processes: nothing is said twice by itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.audit import settled
from tests.support.fleet import Fleet, a_fleet
from tests.support.hub_process import until
from tests.support.kafka import KafkaPlace
from tests.support.postgres import a_database
from tests.support.simulated_whatsapp import SimulatedWhatsApp

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.xdist_group("scale")]

TEXT = "Desde la actualización todas las facturas salen con errores contables"
HELD = "state = 'unknown' AND code = 'restored'"


@pytest.mark.slow
def test_nothing_is_sent_twice_after_a_restore_until_a_person_says_so(tmp_path: Path, kafka: KafkaPlace) -> None:
    with (
        a_database(migrated=False) as database,
        a_database(migrated=False) as backup,
        a_fleet(tmp_path, database, kafka) as (fleet, whatsapp),
    ):
        said: dict[str, list[str]] = {}
        # They would settle what is held by themselves: here a person has to.
        whatsapp.faults(drop_statuses=["sent", "delivered", "read"])
        assert _hub(fleet, "topics", "apply").returncode == 0
        fleet.start("intake", "worker-1", "effects")
        _say(whatsapp, said, 0)
        until(lambda: settled(fleet.books, said), "settled", seconds=60)
        assert fleet.processes["effects"].stop() == 0
        _say(whatsapp, said, 1)
        until(lambda: fleet.books.count("effects", "state = 'intent'") == 2, "answers wait to be sent", seconds=60)
        fleet.stop()
        _copy(database, backup)

        fleet.start("intake", "worker-1", "effects")
        until(lambda: settled(fleet.books, said), "settled", seconds=60)
        _say(whatsapp, said, 2)
        until(lambda: settled(fleet.books, said), "what the back-up knows nothing of", seconds=60)
        fleet.stop()
        assert set(_sent(whatsapp).values()) == {1}
        before = _sent(whatsapp)
        assert len(before) == 6

        _copy(backup, database)
        # The one who could send, without a journal to tell it that the database is an old one, comes first.
        lived = fleet.processes["effects"].log
        fleet.start("effects")
        word = "effects wait for a journal"
        until(lambda: word in fleet.processes["effects"].log.removeprefix(lived), "it waits for a word")
        fleet.start("intake", "worker-1")
        until(lambda: fleet.books.count("effects", HELD) == 4, "two of the back-up, two told again", seconds=60)
        # WhatsApp tells instants in whole seconds: what it says of the second of the discovery may be older than that.
        second = int(time.time())
        until(lambda: int(time.time()) > second, "the next second")
        said["+52 222 300 9999"] = [TEXT]
        whatsapp.say("+52 222 300 9999", TEXT)
        until(lambda: settled(fleet.books, said), "what is new is answered", seconds=60)

        again = _sent(whatsapp)
        assert {effect: again[effect] for effect in before} == before
        assert len(again) == 7
        held = {id_ for (id_,) in fleet.books.rows(f"SELECT id FROM effects WHERE {HELD}")}
        dry = _hub(fleet, "effects", "release", "--json")
        assert (dry.returncode, json.loads(dry.stdout)["held_back"]) == (1, 4)
        assert _hub(fleet, "effects", "release", "--yes").returncode == 0
        until(lambda: fleet.books.count("effects", "state NOT IN ('accepted', 'confirmed')") == 0, "released", 60)
        fleet.stop()

        assert _sent(whatsapp) == {effect: 2 if effect in held else 1 for effect in again}
        assert fleet.books.count("audit", "action = 'release_effects'") > 0


def _say(whatsapp: SimulatedWhatsApp, said: dict[str, list[str]], wave: int) -> None:
    for number in range(2):
        phone = f"+52 222 300 {wave:02}{number:02}"
        said[phone] = [TEXT]
        whatsapp.say(phone, TEXT)
    until(lambda: not whatsapp.undelivered(), "answered 200")


def _sent(whatsapp: SimulatedWhatsApp) -> Counter[str]:
    return Counter(entry["effect"] for entry in whatsapp.ledger(kind="send", taken="True"))


def _copy(source: str, target: str) -> None:
    """Make one database the copy of another, as a back-up or its restore does."""
    server, _, name = target.rpartition("/")

    def is_done() -> bool:
        with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            try:
                connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{source.rpartition("/")[2]}"')
            except psycopg.errors.ObjectInUse:
                # The server's own housekeeping is at work in the source.
                return False
            return True

    until(is_done, "copied", seconds=60)


def _hub(fleet: Fleet, *words: str) -> subprocess.CompletedProcess[Any]:
    return subprocess.run(
        [sys.executable, "-m", "hub", *words],
        env={**os.environ, **fleet.environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
