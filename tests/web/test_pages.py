"""The pages of a real hub: what they show, what they never let through."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from hub.web.headers import HEADERS
from hub.web.private import Private
from tests.support.clock import FakeClock
from tests.support.embedded_hub import EmbeddedHub, embedded_hub, text_message
from tests.support.engines import database
from tests.support.ports import free_ports

__all__ = ["database"]

HOSTILE = """<script>alert(1)</script> <img src=x onerror=alert(2)> "comillas" & 'más' {{ 7*7 }}"""
PHONE = "5212221234567"


@pytest.fixture
async def hub(tmp_path: Path, database: str | None) -> AsyncIterator[EmbeddedHub]:
    async with embedded_hub(tmp_path / "data", database=database) as running:
        yield running


@pytest.fixture
async def browser(hub: EmbeddedHub) -> AsyncIterator[httpx.AsyncClient]:
    app = Private(hub.hub).app
    transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 50_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8321") as client:
        yield client


async def say(hub: EmbeddedHub, text: str, id_: str = "wamid.1", phone: str = PHONE, name: str = "Ana Torres") -> None:
    contacts = [{"wa_id": phone, "profile": {"name": name}}]
    assert await hub.deliver(text_message(phone, text, id_, int(time.time())), contacts=contacts) == 200
    await hub.until(lambda: hub.books.count("clocks") == 2 * hub.books.count("conversations") > 0, "worked off")


def links(html: str, prefix: str) -> list[str]:
    return re.findall(rf'href="({prefix}[^"]+)"', html)


async def test_empty_pages_say_what_will_be_here(browser: httpx.AsyncClient) -> None:
    home = (await browser.get("/")).text
    letters = (await browser.get("/mensajes-muertos")).text

    assert "Aquí verás cada entrega" in home
    assert "Aquí verás los tickets" in home
    assert "Ninguno." in letters


async def test_the_home_page_says_that_subscribers_wait_while_kafka_is_away(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    nowhere = {"HUB_KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{port}"}
    async with embedded_hub(tmp_path / "kafka", more_environment=nowhere) as hub:
        relay = hub.hub.relay
        assert relay is not None
        await say(hub, "Las facturas salen con errores")
        await hub.until(lambda: relay.away, "the absence is noticed")
        transport = httpx.ASGITransport(app=Private(hub.hub).app, client=("127.0.0.1", 50_000))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8321") as client:
            home = (await client.get("/")).text

    assert "Kafka no responde: los suscriptores esperan" in home
    assert "T-1001" in home


async def test_the_home_page_shows_what_came_what_happened_the_tickets(
    hub: EmbeddedHub, browser: httpx.AsyncClient
) -> None:
    await say(hub, "Las facturas salen con errores")

    home = (await browser.get("/")).text

    assert "Mensaje del cliente" in home
    assert "Ana Torres" in home
    assert "T-1001" in home
    assert "Primera respuesta: a tiempo" in home
    assert "Las facturas salen con errores" in home
    assert "nada por ingresar" in home


async def test_an_event_leads_to_its_cause_with_its_consequences(hub: EmbeddedHub, browser: httpx.AsyncClient) -> None:
    await say(hub, "No timbra")
    (message,) = hub.books.rows("SELECT id, causation FROM events WHERE type = 'hub.message.received.v1'")

    page = (await browser.get(f"/eventos/{message[0]}")).text

    assert "Por qué sucedió" in page
    assert links(page, "/entregas/") == [f"/entregas/{message[1].partition('/')[0]}"]
    for name in ("Caso abierto", "Diagnóstico rápido", "Ticket abierto", "Reloj en marcha", "Respuesta del hub"):
        assert name in page.partition("Qué causó")[2]
    raw = (await browser.get(links(page, "/entregas/")[0])).text
    assert "wamid.1" in raw


async def test_a_ticket_has_its_conversation(hub: EmbeddedHub, browser: httpx.AsyncClient) -> None:
    await say(hub, "No timbra")

    page = (await browser.get("/tickets/T-1001")).text

    assert "No timbra" in page
    assert "Hola Ana, gracias por escribir a Soporte Exsim." in page
    assert "Relojes" in page


async def test_every_link_on_the_pages_leads_somewhere(hub: EmbeddedHub, browser: httpx.AsyncClient) -> None:
    await say(hub, "No timbra")
    await hub.push(b"no JSON")
    await hub.until(lambda: hub.books.count("dead_letters") == 1, "dead")

    seen: set[str] = set()
    left = ["/", "/mensajes-muertos"]
    while left:
        path = left.pop()
        if path in seen:
            continue
        seen.add(path)
        answer = await browser.get(path)
        assert answer.status_code == 200, path
        if answer.headers["content-type"].startswith("text/html"):
            left += [link for link in re.findall(r'(?:href|src)="(/[^"]*)"', answer.text) if link not in seen]

    assert {path.split("/")[1].split("?")[0] for path in seen} == {
        "", "entregas", "eventos", "mensajes-muertos", "static", "tickets",
    }  # fmt: skip


@pytest.mark.parametrize("page", ["eventos", "tickets", "entregas"])
async def test_a_name_that_no_database_can_hold_is_not_found(browser: httpx.AsyncClient, page: str) -> None:
    answers = [await browser.get(f"/{page}/{name}") for name in ("a%00b", "%00", "%ED%A0%80")]

    assert [answer.status_code for answer in answers] == [404] * 3
    assert all("text/html" in answer.headers["content-type"] for answer in answers)


async def test_what_customers_write_stays_text(hub: EmbeddedHub, browser: httpx.AsyncClient) -> None:
    await say(hub, HOSTILE, name="<b>Ana</b>")
    (event,) = hub.books.rows("SELECT id, causation FROM events WHERE type = 'hub.message.received.v1'")

    for path in ("/", "/tickets/T-1001", f"/eventos/{event[0]}", f"/entregas/{event[1].partition('/')[0]}"):
        page = (await browser.get(path)).text
        assert "<script>alert" not in page, path
        assert "<img" not in page, path
        assert "<b>Ana" not in page, path
        assert "&lt;script&gt;" in page, path
        assert "{{ 7*7 }}" in page, path


async def test_dead_letters_stand_with_reason_step_command(hub: EmbeddedHub, browser: httpx.AsyncClient) -> None:
    await hub.push(b"no JSON")
    await hub.until(lambda: hub.books.count("dead_letters") == 1, "dead")
    ((letter,),) = hub.books.rows("SELECT id FROM dead_letters")

    page = (await browser.get("/mensajes-muertos")).text
    home = (await browser.get("/")).text

    assert f"hub dead-letters redrive {letter} --yes" in page
    assert "Revisa el original" in page
    assert "1 mensaje muerto espera tu decisión." in home
    assert "ilegible" in home


@pytest.mark.feature("OB-07")
async def test_alarms_say_what_to_do(hub: EmbeddedHub, browser: httpx.AsyncClient) -> None:
    assert hub.hub.consumers
    (consumer,) = [one for one in hub.hub.consumers if one.group == "open-tickets"]
    await consumer.set_pause(reason="ValueError: x")
    await say_only(hub)

    home = (await browser.get("/")).text

    assert "En pausa «abrir tickets»" in home
    assert "hub groups resume open-tickets" in home


async def test_what_waits_too_long_in_the_journal_is_an_alarm(hub: EmbeddedHub, browser: httpx.AsyncClient) -> None:
    await say(hub, "No timbra")
    ingest = next(task for task in hub.hub.tasks if task.get_name() == "ingest")
    ingest.cancel()
    await asyncio.gather(ingest, return_exceptions=True)
    hub.hub.tasks.remove(ingest)
    assert await hub.deliver(text_message(PHONE, "¿Hola?", "wamid.2", int(time.time()))) == 200

    assert "1 por ingresar, la primera ahora" in (await browser.get("/")).text

    later = hub.hub.clock.now() + timedelta(minutes=5)
    hub.hub.clock = FakeClock(later)
    assert "1 por ingresar, desde hace 5 min." in (await browser.get("/")).text


async def say_only(hub: EmbeddedHub) -> None:
    await hub.deliver(text_message(PHONE, "No timbra", "wamid.1", int(time.time())))
    await hub.until(lambda: hub.books.events("case.diagnosed"), "diagnosed")


async def test_what_is_not_there_is_404_with_a_way_back(browser: httpx.AsyncClient) -> None:
    for path in ("/eventos/ev_none", "/tickets/T-9", "/entregas/dl_none", f"/tickets/{quote('<script>')}"):
        answer = await browser.get(path)
        assert answer.status_code == 404
        assert "No existe" in answer.text
        assert "<script>" not in answer.text.replace('<script src="/static/hub.js', "")
    assert (await browser.get("/nada")).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/", "/mensajes-muertos", "/tickets/T-1001", "/vivo"])
async def test_pages_only_look(browser: httpx.AsyncClient, method: str, path: str) -> None:
    assert (await browser.request(method, path)).status_code == 405


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/metrics", "/nada", "/static/hub.js", "/tickets/T-9"])
async def test_every_answer_carries_the_security_headers(browser: httpx.AsyncClient, path: str) -> None:
    answer = await browser.get(path)

    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert "unsafe" not in answer.headers["content-security-policy"]


async def test_pages_need_no_inline_script_or_style(hub: EmbeddedHub, browser: httpx.AsyncClient) -> None:
    await say(hub, "No timbra")

    for path in ("/", "/mensajes-muertos", "/tickets/T-1001"):
        page = (await browser.get(path)).text
        assert not re.search(r"\son\w+=", page)
        assert "style=" not in page
        assert "<style" not in page
        assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page))
        assert "http" not in re.sub(r'href="http://127\.0\.0\.1[^"]*"', "", page)


async def test_static_files_are_kept_until_they_change(browser: httpx.AsyncClient) -> None:
    home = (await browser.get("/")).text
    (script,) = re.findall(r'src="(/static/hub.js[^"]*)"', home)

    answer = await browser.get(script)

    assert "immutable" in answer.headers["cache-control"]
    assert len(answer.content) < 15_000
    assert (await browser.get("/")).headers["cache-control"] == "no-store"
    assert (await browser.get("/static/..%2fpages.py")).status_code == 404


async def test_many_long_tickets_stay_one_light_page(hub: EmbeddedHub, browser: httpx.AsyncClient) -> None:
    messages = [text_message(f"52155{n:08}", "x" * 4000, f"wamid.{n}", int(time.time())) for n in range(300)]
    assert await hub.deliver(*messages) == 200
    await hub.until(lambda: hub.books.count("tickets") == 300, "all ticketed", seconds=30)

    answer = await browser.get("/")

    assert len(answer.content) < 100_000
    assert len(links(answer.text, "/tickets/")) == 40
