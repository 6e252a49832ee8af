"""Runs commands in this process, on data that a real hub left behind."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from hub.cli import main
from hub.errors import Permanent
from hub.services import tickets
from tests.support.embedded_hub import EmbeddedHub, embedded_hub, text_message
from tests.support.ports import free_ports

TEXT = "Desde la actualización todas las facturas salen con errores contables"


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document that it printed."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """The JSON lines that it printed."""
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Ran]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Where the hub of the test has its data."""
    return tmp_path / "data"


@pytest.fixture
def hub(data: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Run ``hub …``; nobody answers on the ports it knows."""
    for name, port in zip(("WEBHOOK", "PRIVATE", "SIMULATOR"), free_ports(3), strict=True):
        monkeypatch.setenv(f"HUB_{name}_PORT", str(port))
    monkeypatch.setenv("HUB_DATA", str(data))
    monkeypatch.setenv("HUB_LIMITS__DISK_FREE_BYTES", "1")
    handlers = list(logging.root.handlers)
    mask = os.umask(0o022)
    os.umask(mask)

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr("sys.argv", ["hub", *map(str, arguments)])
        capfd.readouterr()
        try:
            main.run()
            code = 0
        except SystemExit as error:
            code = int(error.code or 0)
        return Ran(code, *capfd.readouterr())

    yield run
    # What a command set up writes to this test's captured output, which ends with it.
    structlog.reset_defaults()
    logging.root.handlers[:] = handlers
    os.umask(mask)


def leave(data: Path, *bodies: bytes, texts: tuple[tuple[str, str], ...] = ()) -> None:
    """Let a hub take webhooks, work them off, then stop."""

    async def live() -> None:
        async with embedded_hub(data) as hub:
            for number, (phone, text) in enumerate(texts):
                await say(hub, phone, text, f"wamid.{number}")
            for body in bodies:
                assert await hub.push(body) == 200
            taken = len(texts) + len(bodies)
            await hub.until(lambda: hub.books.count("deliveries") == taken, "ingested")
            await hub.until(lambda: idle(hub), "worked off")

    asyncio.run(live())


async def say(hub: EmbeddedHub, phone: str, text: str, id_: str) -> None:
    """Let a customer write."""
    contact = {"wa_id": phone, "profile": {"name": "Ana Torres"}}
    assert await hub.deliver(text_message(phone, text, id_, int(time.time())), contacts=[contact]) == 200


def idle(hub: EmbeddedHub) -> bool:
    """Tell whether every conversation has come to its end, a dead letter included."""
    books = hub.books
    started, opened = books.count("clocks"), books.count("tickets")
    asked = books.count("events", "type = 'hub.case.diagnosed.v1'")
    dead = books.count("dead_letters", "scope = 'event'")
    waiting = books.count("effects", "state IN ('intent', 'sending')")
    return started == 2 * opened and opened + dead >= asked == books.count("conversations") and waiting == 0


@pytest.fixture(scope="session")
def left_with_a_ticket(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a hub leaves that opened one ticket; made once, each test gets a copy."""
    data = tmp_path_factory.mktemp("ticket") / "data"
    leave(data, texts=(("5212221234567", TEXT),))
    return data


@pytest.fixture(scope="session")
def left_with_dead_letters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a hub leaves that gave two things up: a webhook that is no JSON, a diagnosis that opened no ticket."""
    data = tmp_path_factory.mktemp("dead") / "data"

    def refuse(*_: object) -> None:
        msg = "no folio is left"
        raise Permanent(msg)

    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(tickets, "open_for", refuse)
        leave(data, b"no JSON", texts=(("5212221234567", TEXT),))
    return data


@pytest.fixture
def with_a_ticket(data: Path, left_with_a_ticket: Path) -> Path:
    """A stopped hub that opened one ticket."""
    return Path(shutil.copytree(left_with_a_ticket, data))


@pytest.fixture
def with_dead_letters(data: Path, left_with_dead_letters: Path) -> Path:
    """A stopped hub that gave two things up."""
    return Path(shutil.copytree(left_with_dead_letters, data))
