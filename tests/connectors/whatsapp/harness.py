"""Runs a WhatsApp simulator beside a pretended hub, on real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from connectors._meta.signature import verify
from connectors._meta.transport import Credentials
from connectors._simulator import server
from connectors.whatsapp.client import Access, WhatsAppSender
from connectors.whatsapp.simulator import SimulatorOptions, WhatsAppSimulator, build
from hub.contracts import OutboundCall, WebhookRequest, WebhookSecrets
from hub.errors import SignatureMismatch
from hub.system import SystemClock
from tests.support.ports import free_ports

APP_SECRET = b"hub-test-app-secret-2026"
TOKEN = "EAAG-invented-token"
VERIFY_TOKEN = "a-long-random-word"
SECRETS = WebhookSecrets(signing=(APP_SECRET,), verify_token=VERIFY_TOKEN.encode())
NUMBER_ID = "223450000000002"
PHONE = "+525587654321"
DEADLINE_SECONDS = 10


class SeededRandomness:
    """Randomness that a test can repeat."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)

    def token(self) -> str:
        return f"{self._random.getrandbits(128):032x}"

    def uniform(self, low: float, high: float) -> float:
        return self._random.uniform(low, high)


@dataclass
class PretendedHub:
    """Checks signatures as the hub does, keeps the bodies it accepted, answers as scripted."""

    statuses: list[int] = field(default_factory=list)
    accepted: list[bytes] = field(default_factory=list)
    refused: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def webhook(self, request: Request) -> Response:
        body = await request.body()
        shaped = WebhookRequest(request.method, request.url.path, request.url.query, dict(request.headers), body)
        try:
            handshake = verify(shaped, SECRETS)
        except SignatureMismatch:
            self.refused += 1
            return Response(status_code=401)
        if handshake:
            return PlainTextResponse(handshake.body, status_code=handshake.status)
        status = self.statuses.pop(0) if self.statuses else 200
        if status == 200:
            self.accepted.append(body)
            self.news.set()
        return Response(status_code=status)


@dataclass
class Rig:
    """Everything a test talks to."""

    simulator: WhatsAppSimulator
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

    def sender(self, *, token: str = TOKEN, timeout_seconds: float = 5, version: str = "v26.0") -> WhatsAppSender:
        return sender_to(self.url, token=token, timeout_seconds=timeout_seconds, version=version)


def sender_to(url: str, *, token: str = TOKEN, timeout_seconds: float = 5, version: str = "v26.0") -> WhatsAppSender:
    secrets = {"token": (token.encode(),), "app_secret": (APP_SECRET,)}
    return WhatsAppSender(
        Access(url, version, timeout_seconds, Credentials(lambda: secrets["token"], lambda: secrets["app_secret"]))
    )


def call(text: str = "Su folio es T-1042", **given: Any) -> OutboundCall:
    """Return an effect as the hub would carry it out."""
    fields: dict[str, Any] = {
        "effect_id": "ef_example01",
        "kind": "send_message",
        "asset": NUMBER_ID,
        "reply_to": {"to": "5215587654321"},
        "payload": {"text": text},
        "attempt": 1,
    }
    return OutboundCall(**(fields | given))


@contextlib.asynccontextmanager
async def running(ledger_path: Path | None = None, hub: PretendedHub | None = None, **given: Any) -> AsyncIterator[Rig]:
    """Run simulator with hub until the block ends."""
    hub = hub or PretendedHub()
    hub_port, port = free_ports(2)
    fields: dict[str, Any] = {
        "webhook_url": f"http://127.0.0.1:{hub_port}/webhooks/whatsapp/sandbox",
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
    }
    simulator = build(SimulatorOptions(**(fields | given)))
    app = Starlette(routes=[Route("/webhooks/whatsapp/sandbox", hub.webhook, methods=["GET", "POST"])])
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
