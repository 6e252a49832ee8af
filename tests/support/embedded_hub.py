"""The whole hub inside a test: every part real, without sockets, with a provider that a test scripts."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from hub import bootstrap, working
from hub.contracts import Accepted, Connection, OutboundCall, Outcome, WebhookRequest
from hub.settings import HubSettings, Waits
from hub.system import SystemClock, SystemRandomness
from tests.support.audit import Books, PostgresBooks

SECRET = b"a-secret-for-tests"
NUMBER = "223450000000002"
PATH = "/webhooks/whatsapp/prueba"

_ENVIRONMENT = {
    "HUB_WHATSAPP__PRUEBA__APP_SECRET": SECRET.decode(),
    "HUB_WHATSAPP__PRUEBA__ACCESS_TOKEN": "a-token-for-tests",
    "HUB_WHATSAPP__PRUEBA__VERIFY_TOKEN": "a-verify-token-for-tests",
    "HUB_WHATSAPP__PRUEBA__NUMBERS__SOPORTE": NUMBER,
    # Whoever asks for a file finds nobody.
    "HUB_WHATSAPP__PRUEBA__GRAPH_URL": "http://127.0.0.1:9",
}


class ScriptedSender:
    """Takes every call, unless a test says otherwise."""

    def __init__(self) -> None:
        """Remember calls in order."""
        self.calls: list[OutboundCall] = []
        self.answer: Callable[[OutboundCall], Outcome] = lambda call: Accepted(f"wamid.out.{call.effect_id}")

    async def send(self, call: OutboundCall) -> Outcome:
        """Note the call, then answer as the test says."""
        self.calls.append(call)
        await asyncio.sleep(0)
        return self.answer(call)

    async def close(self) -> None:
        """Hold nothing."""


class EmbeddedHub:
    """A running hub with a way in, a way out, its books."""

    def __init__(self, hub: bootstrap.Hub, sender: ScriptedSender, books: Books) -> None:
        """Wrap a started hub."""
        self.hub = hub
        self.sender = sender
        self.books = books

    async def deliver(self, *items: dict[str, Any], contacts: list[dict[str, Any]] | None = None) -> int:
        """Push one signed webhook with these messages; return the status that it was answered with."""
        value: dict[str, Any] = {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "525541234567", "phone_number_id": NUMBER},
            "messages": list(items),
        }
        if contacts is not None:
            value["contacts"] = contacts
        entry = {"id": "123450000000001", "changes": [{"field": "messages", "value": value}]}
        return await self.push(json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode())

    async def push(self, body: bytes, secret: bytes = SECRET) -> int:
        """Push any bytes under a signature; return the status."""
        assert self.hub.intake is not None
        signature = "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
        headers = {"content-type": "application/json", "x-hub-signature-256": signature}
        answer = await self.hub.intake.take(WebhookRequest("POST", PATH, "", headers, body), "127.0.0.1")
        return answer.status

    async def until(self, condition: Callable[[], object], what: str, seconds: float = 10.0) -> None:
        """Wait for a condition while the hub works.

        Raises:
            AssertionError: It did not come in time.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not condition():
            assert loop.time() < deadline, f"not within {seconds:g} s: {what}"
            for task in self.hub.tasks:
                if task.done():
                    task.result()
            await asyncio.sleep(0.005)


def text_message(phone: str, text: str, id_: str, timestamp: int) -> dict[str, Any]:
    """Return a text as Meta sends it."""
    return {"from": phone, "id": id_, "timestamp": str(timestamp), "type": "text", "text": {"body": text}}


@contextlib.asynccontextmanager
async def embedded_hub(
    data: Path,
    waits: Waits | None = None,
    environment: Mapping[str, str] = _ENVIRONMENT,
    more_environment: Mapping[str, str] | None = None,
    database: str | None = None,
) -> AsyncIterator[EmbeddedHub]:
    """Run all parts of a hub in this process until the block ends: on SQLite, or on a migrated PostgreSQL database."""
    settings = HubSettings(data=data, waits=waits or Waits())
    if database is not None:
        address = SecretStr(database.replace("postgresql:", "postgresql+psycopg:"))
        settings = settings.model_copy(update={"database_url": address, "postgresql_without_kafka": True})
    hub = bootstrap.assemble(settings, {**environment, **(more_environment or {})}, SystemClock(), SystemRandomness())
    sender = ScriptedSender()
    connection = hub.connections["whatsapp"]
    assets = {name: dataclasses.replace(route, sender=sender) for name, route in connection.assets.items()}
    hub.connections = {"whatsapp": Connection(connection.secrets, assets)}
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(bootstrap.receiving(hub, hub.journal_grew))
        store = await stack.enter_async_context(bootstrap.storing(hub))
        await stack.enter_async_context(bootstrap.ingesting(hub, store))
        await stack.enter_async_context(working.working(hub, store))
        books = Books(data) if database is None else PostgresBooks(database)
        yield EmbeddedHub(hub, sender, books)
