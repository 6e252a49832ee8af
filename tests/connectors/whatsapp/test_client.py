"""What the sender makes of everything that can happen on the way to WhatsApp."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from typing import Any

import pytest

from connectors._meta import transport
from connectors._meta.signature import proof
from connectors.whatsapp.client import request_body
from hub.contracts import Accepted, NotTaken, Rejected, Unclear
from tests.connectors.whatsapp.harness import APP_SECRET, TOKEN, call, running, sender_to
from tests.support.ports import free_ports


def test_the_proof_is_metas() -> None:
    # Facts 1.9.
    assert proof(APP_SECRET, TOKEN.encode()) == "ed60e8f8226fcc0b832a9e8d346084ffa3f6b3305bd964799f5c8e27f7c5dd01"


def test_a_phone_goes_to_to_a_user_id_to_recipient() -> None:
    phone, user = (request_body(call(reply_to=to)) for to in ({"to": "5215587654321"}, {"recipient": "MX.135"}))

    assert isinstance(phone, bytes)
    assert json.loads(phone) == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "+5215587654321",
        "type": "text",
        "text": {"preview_url": False, "body": "Su folio es T-1042"},
        "biz_opaque_callback_data": "ef_example01",
    }
    assert isinstance(user, bytes)
    assert "to" not in json.loads(user)
    assert json.loads(user)["recipient"] == "MX.135"


@pytest.mark.parametrize(
    "given",
    [
        {"reply_to": {}},
        {"reply_to": {"to": "MX.1357924680135792"}},
        {"reply_to": {"to": "123"}},
        {"reply_to": {"recipient": "a b"}},
        {"text": "x" * 4097},
        {"text": ""},
        {"payload": {}},
        {"payload": {"text": 7}},
        {"kind": "send_template"},
        {"asset": "../me"},
        {"effect_id": "e" * 513},
    ],
)
async def test_what_whatsapp_could_never_take_is_rejected_before_it_leaves(given: dict[str, Any]) -> None:
    sender = sender_to("http://127.0.0.1:1")

    outcome = await sender.send(call(**given))

    assert isinstance(outcome, Rejected)
    assert outcome.explanation_es.endswith(".")


async def test_a_message_arrives_once_with_its_correlation() -> None:
    async with running() as rig:
        sender = rig.sender()
        outcome = await sender.send(call())
        await sender.close()

        assert isinstance(outcome, Accepted)
        phone = await rig.control("GET", "phones/+52 55 8765 4321")
        assert [(line["id"], line["text"], line["effect"]) for line in phone["messages"]] == [
            (outcome.provider_id, "Su folio es T-1042", "ef_example01")
        ]


async def test_a_user_without_phone_is_reached() -> None:
    async with running() as rig:
        sender = rig.sender()
        outcome = await sender.send(call(reply_to={"recipient": "MX.9753124680975312"}))
        await sender.close()

        assert isinstance(outcome, Accepted)
        phone = await rig.control("GET", "phones/MX.9753124680975312")
        assert len(phone["messages"]) == 1


async def test_a_name_that_does_not_resolve_is_surely_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unresolved(*_: object, **__: object) -> None:
        raise OSError(-2, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unresolved)
    sender = sender_to("http://localhost:9")
    outcome = await sender.send(call())
    await sender.close()

    assert isinstance(outcome, NotTaken)


async def answering(raw: bytes) -> tuple[asyncio.Server, str]:
    """Serve the same bytes to every connection that sent something."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(64)
        writer.write(raw)
        await writer.drain()
        writer.close()

    (port,) = free_ports(1)
    return await asyncio.start_server(handle, "127.0.0.1", port), f"http://127.0.0.1:{port}"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2000000\r\n\r\n" + b"x" * 2_000_000,
    ],
)
async def test_an_answer_that_cannot_be_read_is_unclear(raw: bytes) -> None:
    server, url = await answering(raw)
    sender = sender_to(url, timeout_seconds=2)

    async with server:
        outcome = await sender.send(call())
        await sender.close()

    assert isinstance(outcome, Unclear)


async def test_a_connection_that_has_been_idle_is_not_trusted_with_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that closes it just then leaves nobody knowing whether it took the message."""
    monkeypatch.setattr(transport, "IDLE_SECONDS", 0.05)
    connections = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]))
                body = b'{"messaging_product":"whatsapp","messages":[{"id":"wamid.1"}]}'
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    sender = sender_to(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with server:
        for _ in range(2):
            assert isinstance(await sender.send(call()), Accepted)
            await asyncio.sleep(0.2)
        await sender.close()

    assert connections == 2


async def test_the_whole_call_is_bounded_even_when_the_answer_drips() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(64)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        for _ in range(30):
            writer.write(b" ")
            await asyncio.sleep(0.05)
        writer.close()
        over.set()

    (port,), over = free_ports(1), asyncio.Event()
    server = await asyncio.start_server(drip, "127.0.0.1", port)
    sender = sender_to(f"http://127.0.0.1:{port}", timeout_seconds=0.3)

    outcome = await sender.send(call())

    assert isinstance(outcome, Unclear)
    assert not over.is_set()
    await sender.close()
    await over.wait()
    server.close()


async def test_a_proxy_in_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    async with running() as rig:
        sender = rig.sender()
        outcome = await sender.send(call())
        await sender.close()

    assert isinstance(outcome, Accepted)


async def test_the_secret_stands_in_no_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", logger="connectors")
    transport_errors = [b"", b"HTTP/1.1 500 x\r\ncontent-length: 0\r\n\r\n"]
    for raw in transport_errors:
        server, url = await answering(raw)
        sender = sender_to(url)
        async with server:
            outcome = await sender.send(call())
            await sender.close()
        assert TOKEN not in repr(outcome) + repr(sender) + caplog.text


def test_importing_the_connector_imports_no_client_library() -> None:
    code = "import sys, connectors.whatsapp; print([n for n in ('httpx', 'starlette', 'uvicorn') if n in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert found.stdout.strip() == "[]"
