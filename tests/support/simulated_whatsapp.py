"""The simulated WhatsApp in a thread of its own, with its ledger, while the hub lives or dies."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from connectors.whatsapp.sandbox import LEDGER, play
from hub.contracts import Sandboxed, SandboxPlace
from hub.system import SystemClock, SystemRandomness


class SimulatedWhatsApp:
    """Speaks to the simulator over its control surface only."""

    def __init__(self, port: int, environment: Mapping[str, str]) -> None:
        """Point at a running simulator; ``environment`` is how a hub reaches it."""
        self.base = f"http://127.0.0.1:{port}"
        self.environment = environment

    def say(self, phone: str, text: str | None, **more: Any) -> dict[str, Any]:
        """Write to the hub as a customer."""
        answer: dict[str, Any] = self._call("/control/say", {"from": phone, "text": text, **more})
        return answer

    def say_all(self, said: list[dict[str, Any]]) -> dict[str, Any]:
        """Write several messages that arrive as one webhook."""
        answer: dict[str, Any] = self._call("/control/say", said)
        return answer

    def put_file(self, content: bytes, mime_type: str, filename: str | None = None) -> dict[str, Any]:
        """Give the provider a file; return its id, its address, what webhooks say of it."""
        order = {"content": base64.b64encode(content).decode(), "mime_type": mime_type, "filename": filename}
        answer: dict[str, Any] = self._call("/control/files", order)
        return answer

    def deliver(self, body: bytes) -> str:
        """Sign any bytes, then send them as a webhook; return its id."""
        return str(self._call("/control/send", body)["webhook"])

    def phone(self, number: str, *, after: int = 0, wait_seconds: float = 0) -> list[dict[str, Any]]:
        """Return what a phone received, oldest first."""
        number = urllib.parse.quote(number)
        query = f"after={after}&wait_seconds={wait_seconds}"
        messages: list[dict[str, Any]] = self._call(f"/control/phones/{number}?{query}")["messages"]
        return messages

    def faults(self, **faults: Any) -> None:
        """Misbehave from now on."""
        self._call("/control/faults", faults)

    def ledger(self, **wanted: str) -> list[dict[str, Any]]:
        """Return entries of the ledger."""
        answer = self._call("/control/ledger?" + urllib.parse.urlencode(wanted))
        entries: list[dict[str, Any]] = answer["entries"]
        return entries

    def accepted(self) -> int:
        """Return how often the hub has answered 200."""
        return len(self.ledger(kind="attempt", status="200"))

    def undelivered(self) -> set[str]:
        """Return the webhooks that nobody has accepted yet."""
        entries = self.ledger()
        sent = {entry["webhook"] for entry in entries if entry["kind"] == "webhook"}
        done = {entry["webhook"] for entry in entries if entry["kind"] == "attempt" and entry["status"] == 200}
        return sent - done

    def _call(self, path: str, body: Any = None) -> Any:
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"content-type": "application/json"})  # noqa: S310 - loopback
        with urllib.request.urlopen(request, timeout=70) as answer:  # noqa: S310 - loopback
            return json.loads(answer.read() or b"null")


class LedgerTail:
    """Reads a ledger's file as it grows, which costs less than asking for it over and over."""

    def __init__(self, directory: Path) -> None:
        """Begin at the beginning; the file may not exist yet."""
        self._path = directory / LEDGER
        self._at = 0

    def more(self) -> list[dict[str, Any]]:
        """Return the entries that came since the last call."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._at)
            whole, _, _ = file.read().rpartition(b"\n")
        self._at += len(whole) + 1 if whole else 0
        return [json.loads(line) for line in whole.splitlines()]


@contextmanager
def simulated_whatsapp(directory: Path, port: int, webhook_port: int, **options: Any) -> Iterator[SimulatedWhatsApp]:
    """Run a simulator that outlives every hub of the test; ``options`` replace some of ``SimulatorOptions``."""
    played = play(place_in(directory, port, webhook_port), **options)
    with serving(played):
        yield SimulatedWhatsApp(port, played.environment)


def place_in(directory: Path, port: int, webhook_port: int) -> SandboxPlace:
    """Return where a test's simulator is played, with secrets that everybody knows."""
    directory.mkdir(parents=True, exist_ok=True)
    randomness = SystemRandomness()
    return SandboxPlace(
        webhooks=f"http://127.0.0.1:{webhook_port}/webhooks",
        port=port,
        directory=directory,
        secret=lambda name: f"secret-of-{name}",
        token=randomness.token,
        uniform=randomness.uniform,
        now=SystemClock().now,
    )


@contextmanager
def serving(played: Sandboxed) -> Iterator[None]:
    """Serve a simulator in a thread until the block ends."""
    started = threading.Event()
    loop = asyncio.new_event_loop()
    holder: dict[str, asyncio.Task[None]] = {}

    async def serve() -> None:
        holder["task"] = asyncio.create_task(played.simulator.serve())
        ready = asyncio.create_task(played.simulator.ready.wait())
        await asyncio.wait({holder["task"], ready}, return_when=asyncio.FIRST_COMPLETED)
        started.set()
        await asyncio.gather(holder["task"], return_exceptions=True)
        ready.cancel()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), name="simulator")
    thread.start()
    started.wait(10)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(holder["task"].cancel)
        thread.join(10)
        loop.close()
