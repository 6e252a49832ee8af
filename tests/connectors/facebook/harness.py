"""Runs a simulated Facebook page beside a pretended hub, on real sockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.routing import Route

from connectors._meta.transport import Credentials
from connectors._simulator import server
from connectors.facebook.client import Access, FacebookSender
from connectors.facebook.simulator import FacebookSimulator, SimulatorOptions, build
from connectors.facebook.simulator.people import psid_of
from hub.contracts import OutboundCall
from hub.system import SystemClock
from tests.connectors.whatsapp.harness import PretendedHub, SeededRandomness
from tests.support.ports import free_ports

# The pretended hub checks signatures with these.
APP_SECRET = b"hub-test-app-secret-2026"
VERIFY_TOKEN = "a-long-random-word"
TOKEN = "EAAG-invented-token"
PAGE = "345670000000003"
ANA = "Ana Torres"
PSID = psid_of(ANA)
DEADLINE_SECONDS = 10


@dataclass
class Rig:
    """Everything a test talks to."""

    simulator: FacebookSimulator
    hub: PretendedHub
    url: str
    http: httpx.AsyncClient

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the control surface; it must agree."""
        answer = await self.http.request(method, f"{self.url}/control/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def ledger(self, kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.control("GET", f"ledger?kind={kind}"))["entries"]
        return found

    async def accepted(self, count: int) -> list[bytes]:
        """Wait until the hub has accepted so many webhooks."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while len(self.hub.accepted) < count:
                self.hub.news.clear()
                await self.hub.news.wait()
        return self.hub.accepted

    async def graph(self, path: str, body: Any, **given: Any) -> httpx.Response:
        """Call the Graph API as anybody could."""
        headers = {"authorization": f"Bearer {given.pop('token', TOKEN)}"}
        return await self.http.post(f"{self.url}/{path}", json=body, headers=headers, **given)

    def sender(self, *, token: str = TOKEN, timeout_seconds: float = 5, version: str = "v26.0") -> FacebookSender:
        return sender_to(self.url, token=token, timeout_seconds=timeout_seconds, version=version)


def sender_to(url: str, *, token: str = TOKEN, timeout_seconds: float = 5, version: str = "v26.0") -> FacebookSender:
    credentials = Credentials(lambda: (token.encode(),), lambda: (APP_SECRET,))
    return FacebookSender(Access(url, version, timeout_seconds, {PAGE: credentials}))


def call(text: str = "Su folio es T-1042", **given: Any) -> OutboundCall:
    """Return an effect as the hub would carry it out."""
    fields: dict[str, Any] = {
        "effect_id": "ef_example01",
        "kind": "send_message",
        "asset": PAGE,
        "reply_to": {"id": PSID},
        "payload": {"text": text},
        "attempt": 1,
    }
    return OutboundCall(**(fields | given))


@contextlib.asynccontextmanager
async def running(ledger_path: Path | None = None, hub: PretendedHub | None = None, **given: Any) -> AsyncIterator[Rig]:
    """Run simulator with hub until the block ends; by default nothing follows a message, no window shuts."""
    hub = hub or PretendedHub()
    hub_port, port = free_ports(2)
    fields: dict[str, Any] = {
        "webhook_url": f"http://127.0.0.1:{hub_port}/webhooks/facebook/sandbox",
        "app_secret": APP_SECRET,
        "verify_token": VERIFY_TOKEN,
        "access_token": TOKEN,
        "clock": SystemClock(),
        "randomness": SeededRandomness(),
        "port": port,
        "ledger_path": ledger_path,
        "retry_seconds": (0.02, 0.05),
        "statuses": (),
        "hold_seconds": 0.1,
        "windows_shut": False,
    }
    simulator = build(SimulatorOptions(**(fields | given)))
    app = Starlette(routes=[Route("/webhooks/facebook/sandbox", hub.webhook, methods=["GET", "POST"])])
    listening = asyncio.Event()
    tasks = [
        asyncio.create_task(server.serve(app, "127.0.0.1", hub_port, listening.set)),
        asyncio.create_task(simulator.serve()),
    ]
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await listening.wait()
            await simulator.ready.wait()
        async with httpx.AsyncClient(trust_env=False, timeout=DEADLINE_SECONDS) as http:
            yield Rig(simulator, hub, f"http://127.0.0.1:{port}", http)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
