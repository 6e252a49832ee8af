"""The same hub on PostgreSQL: customers are answered whatever is killed, whatever is away."""

from __future__ import annotations

import json

import pytest

from tests.support.audit import PostgresBooks, problems, settled
from tests.support.hub_process import HubProcess, until
from tests.support.postgres_server import PostgresServer
from tests.support.simulated_whatsapp import SimulatedWhatsApp

pytestmark = [pytest.mark.postgres, pytest.mark.xdist_group("postgres_flow")]

PHONES = [f"+52 222 123 45{number:02}" for number in range(6)]
TEXT = "Desde la actualización todas las facturas salen con errores contables"


@pytest.fixture(autouse=True)
def _on_postgres(hub: HubProcess, whatsapp: SimulatedWhatsApp, server: PostgresServer) -> None:
    hub.environment = {
        **whatsapp.environment,
        "HUB_DATABASE_URL": f"{server.url}/hub".replace("postgresql:", "postgresql+psycopg:"),
        "HUB_POSTGRESQL_WITHOUT_KAFKA": "true",
    }


def test_a_message_becomes_a_ticket_with_its_reply(
    hub: HubProcess, whatsapp: SimulatedWhatsApp, server: PostgresServer
) -> None:
    refused = hub.command("balance")
    assert refused.returncode == 2
    assert "run hub migrate" in refused.stderr
    assert "at step" in hub.command("migrate").stdout

    hub.start()
    books = PostgresBooks(f"{server.url}/hub")
    whatsapp.say(PHONES[0], TEXT, name="Ana Torres", times=5)
    until(lambda: settled(books, {PHONES[0]: [TEXT]}) and whatsapp.accepted() >= 5, "settled")

    assert problems(books, whatsapp, {PHONES[0]: [TEXT]}) == []
    ((_, ticket),) = books.events("ticket.opened")
    assert (ticket["folio"], ticket["title"]) == ("T-1001", TEXT)
    account = hub.command("balance", "--json")
    assert account.returncode == 0, account.stderr
    assert json.loads(account.stdout)["broken"] == []
    assert not (hub.data / "hub.db").exists()
    assert hub.stop() == 0, hub.log[-3000:]


def test_while_the_database_is_away_webhooks_are_taken_then_worked_off_once(
    hub: HubProcess, whatsapp: SimulatedWhatsApp, server: PostgresServer
) -> None:
    hub.start()
    books = PostgresBooks(f"{server.url}/hub")
    said = {phone: [f"{TEXT} {number}" for number in range(4)] for phone in PHONES}

    for number in range(4):
        if number == 1:
            server.stop()
        whatsapp.say_all([{"from": phone, "text": said[phone][number]} for phone in PHONES])
        until(lambda: not whatsapp.undelivered(), "answered 200")
        if number == 2:
            server.start()

    until(lambda: settled(books, said), "settled", seconds=30)
    assert problems(books, whatsapp, said) == []
    assert hub.stop() == 0, hub.log[-3000:]


@pytest.mark.parametrize("point", ["consumer.before_commit", "effect.answered"])
def test_a_killed_hub_goes_on_where_it_was(
    hub: HubProcess, whatsapp: SimulatedWhatsApp, server: PostgresServer, point: str
) -> None:
    books = PostgresBooks(f"{server.url}/hub")
    said = {phone: [TEXT] for phone in PHONES}
    hub.start(kill_at=point)
    whatsapp.say_all([{"from": phone, "text": TEXT} for phone in PHONES])
    assert hub.wait_dead() == -9

    hub.start()
    until(lambda: settled(books, said), "settled", seconds=30)

    assert problems(books, whatsapp, said) == []
    assert hub.stop() == 0, hub.log[-3000:]
