"""A hub goes from SQLite to PostgreSQL with Kafka, taking everything along, handling nothing again."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass

import psycopg
import pytest

from tests.kafka.subscriber import EVERY
from tests.support.audit import Books, PostgresBooks, problems, settled
from tests.support.hub_process import HubProcess, until
from tests.support.kafka import KafkaPlace
from tests.support.postgres import a_database
from tests.support.simulated_whatsapp import SimulatedWhatsApp, simulated_whatsapp

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.xdist_group("move")]

PHONES = [f"+52 222 123 46{number:02}" for number in range(4)]
BEFORE, AFTER = "No puedo timbrar facturas", "Sigue igual, ayuda por favor"


@dataclass(frozen=True)
class There:
    """Where the hub goes.

    Attributes:
        database: Empty so far.
        environment: How a hub is told of it.
    """

    database: str
    environment: Mapping[str, str]


@pytest.fixture
def there(kafka: KafkaPlace) -> Iterator[There]:
    asyncio.run(kafka.make(*EVERY, partitions=2))
    with a_database(migrated=False) as url:
        address = url.replace("postgresql:", "postgresql+psycopg:")
        yield There(url, {**kafka.environment, "HUB_DATABASE_URL": address})


@pytest.mark.feature("DE-06")
def test_everything_comes_along_then_the_work_goes_on(
    hub: HubProcess, whatsapp: SimulatedWhatsApp, there: There
) -> None:
    said = _at_work(hub, whatsapp)
    assert _move(hub, there).returncode == 2, "not beside a hub that runs"
    assert hub.stop() == 0, hub.log[-3000:]
    _receive_one_more(hub, whatsapp, said)
    before = {row[0]: row[1:] for row in Books(hub.data).rows("SELECT id, position, type FROM events")}

    done = _move(hub, there, "--json")

    assert done.returncode == 0, done.stderr
    told = {one["table"]: one["rows"] for one in json.loads(done.stdout)["tables"]}
    assert told == {table: _count(hub, table) for table in told}
    assert told["events"] == len(before)
    assert told["tickets"] == len(PHONES)
    books = PostgresBooks(there.database)
    assert {row[0]: row[1:] for row in books.rows("SELECT id, position, type FROM events")} == before

    assert hub.stop() == 0, hub.log[-3000:]
    hub.arguments, hub.environment = (), {**hub.environment, **there.environment}
    hub.start()
    for phone in PHONES:
        said[phone].append(AFTER)
        whatsapp.say(phone, AFTER)
    new = "+52 222 123 4699"
    said[new] = [BEFORE]
    whatsapp.say(new, BEFORE)
    until(lambda: settled(books, said) and not whatsapp.undelivered(), "settled")
    assert problems(books, whatsapp, said) == []
    folios = sorted(ticket["folio"] for _, ticket in books.events("ticket.opened"))
    assert folios == [f"T-{1001 + number}" for number in range(len(said))]
    positions = [position for (position,) in books.rows("SELECT position FROM events ORDER BY position")]
    assert positions[: len(before)] == sorted(position for position, _ in before.values())
    assert hub.stop() == 0, hub.log[-3000:]


def test_the_file_rests_from_then_on(hub: HubProcess, whatsapp: SimulatedWhatsApp, there: There) -> None:
    _at_work(hub, whatsapp)
    assert hub.stop() == 0
    asked = _move(hub, there, yes=False)
    assert (asked.returncode, "Say --yes" in asked.stdout) == (1, True)
    assert _move(hub, there).returncode == 0

    again = _move(hub, there)
    assert (again.returncode, "there already" in again.stdout) == (0, True), again.stderr
    hub.start()

    assert hub.wait_dead() == 2
    assert "was moved to PostgreSQL; set HUB_DATABASE_URL" in hub.log
    shown = _run(hub, hub.environment, "tickets", "list")
    assert (shown.returncode, "was moved" in shown.stderr) == (2, True)


def test_another_hub_s_database_is_refused(hub: HubProcess, whatsapp: SimulatedWhatsApp, there: There) -> None:
    _at_work(hub, whatsapp)
    assert hub.stop() == 0
    other = HubProcess(hub.data.parent / "other")
    other.environment = hub.environment
    with simulated_whatsapp(hub.data.parent / "elsewhere", other.simulator_port, other.webhook_port) as elsewhere:
        other.environment = elsewhere.environment
        _at_work(other, elsewhere)
        assert other.stop() == 0
    assert _move(other, there).returncode == 0

    refused = _move(hub, there)

    assert (refused.returncode, "another hub's" in refused.stderr) == (2, True)
    hub.start()
    assert hub.alive, "what was not moved goes on where it was"
    assert hub.stop() == 0


def test_a_copy_that_differs_is_given_up_whole(hub: HubProcess, whatsapp: SimulatedWhatsApp, there: There) -> None:
    _at_work(hub, whatsapp)
    assert hub.stop() == 0
    assert _run(hub, {**hub.environment, **there.environment}, "migrate").returncode == 0
    with psycopg.connect(there.database) as connection:
        connection.execute(
            "CREATE FUNCTION blur() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN NEW.text = lower(NEW.text); RETURN NEW; END $$"
        )
        connection.execute("CREATE TRIGGER blurred BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION blur()")

    refused = _move(hub, there)

    assert (refused.returncode, "messages: " in refused.stderr) == (1, True), refused.stderr
    assert PostgresBooks(there.database).count("events") == 0
    hub.start()
    assert hub.alive
    assert hub.stop() == 0


def test_a_position_that_was_given_out_once_is_not_given_out_again(
    hub: HubProcess, whatsapp: SimulatedWhatsApp, there: There
) -> None:
    _at_work(hub, whatsapp)
    assert hub.stop() == 0
    with closing(sqlite3.connect(hub.data / "hub.db")) as connection:
        connection.execute("DELETE FROM messages")
        connection.commit()
        ((newest,),) = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'messages'").fetchall()

    assert _move(hub, there).returncode == 0

    with psycopg.connect(there.database) as connection:
        row = connection.execute("SELECT nextval(pg_get_serial_sequence('messages', 'position'))").fetchone()
    assert row == (newest + 1,)


@pytest.mark.parametrize(("history", "unsent"), [((), 0), (("--history", "publish"), None)])
def test_subscribers_get_their_history_only_when_asked(
    hub: HubProcess, whatsapp: SimulatedWhatsApp, there: There, history: tuple[str, ...], unsent: int | None
) -> None:
    _at_work(hub, whatsapp)
    assert hub.stop() == 0

    assert _move(hub, there, *history).returncode == 0

    books = PostgresBooks(there.database)
    expected = books.count("events") if unsent is None else unsent
    assert books.count("events", "published_at IS NULL") == expected


def _at_work(hub: HubProcess, whatsapp: SimulatedWhatsApp) -> dict[str, list[str]]:
    """Let a hub do everything once, so that every kind of row is there."""
    hub.start()
    assert hub.alive, hub.log[-3000:]
    said = {phone: [BEFORE] for phone in PHONES}
    for phone in PHONES:
        whatsapp.say(phone, BEFORE, name="María Ñ. 😀")
    until(lambda: settled(Books(hub.data), said) and not whatsapp.undelivered(), "settled")
    return said


def _receive_one_more(hub: HubProcess, whatsapp: SimulatedWhatsApp, said: dict[str, list[str]]) -> None:
    """Let a receiver answer 200 to what no database has yet, then go on beside the move."""
    hub.arguments = ("--role", "receiver")
    hub.start()
    said[PHONES[0]].append("¿Siguen ahí?")
    whatsapp.say(PHONES[0], said[PHONES[0]][-1])
    until(lambda: not whatsapp.undelivered(), "answered 200")


def _count(hub: HubProcess, table: str) -> int:
    with closing(sqlite3.connect(hub.data / "hub.db")) as connection:
        ((count,),) = connection.execute(f'SELECT count(*) FROM "{table}"').fetchall()
    return int(count)


def _move(hub: HubProcess, there: There, *more: str, yes: bool = True) -> subprocess.CompletedProcess[str]:
    words = ("move", *more, *(("--yes",) if yes else ()))
    return _run(hub, {**hub.environment, **there.environment}, *words)


def _run(hub: HubProcess, environment: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hub", *words, "--data", str(hub.data)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
