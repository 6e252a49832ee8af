"""A public listener with a real journal, spoken to over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hub.contracts import Connector
from hub.pipeline.intake import Intake, Route
from hub.pipeline.journal import JournalWriter
from hub.settings import Limits
from hub.system import SystemClock
from hub.web.listener import listening
from hub.web.webhooks import WebhookApp
from tests.support.journals import a_writer, bodies
from tests.support.ports import free_ports
from tests.support.stub_connector import CONNECTOR, PATH, secrets

SECONDS = 15


@dataclass
class Reply:
    """What came back for one request."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Line:
    """One connection, on which bytes are sent as they are."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        """Send bytes; whoever closes on us shows when reading."""
        self.writer.write(data)
        with contextlib.suppress(ConnectionError):
            await self.writer.drain()

    async def reply(self) -> Reply:
        """Return the next answer."""
        async with asyncio.timeout(SECONDS):
            head = await self.reader.readuntil(b"\r\n\r\n")
            status, *lines = head.decode("latin-1").split("\r\n")[:-2]
            headers = {name.lower(): text for name, _, text in (line.partition(": ") for line in lines)}
            body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return Reply(int(status.split()[1]), headers, body)

    async def closed(self) -> bytes:
        """Return what still comes until the other side closes."""
        async with asyncio.timeout(SECONDS):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""


@dataclass
class Site:
    """A running listener."""

    port: int
    journal: JournalWriter
    intake: Intake
    app: WebhookApp
    lines: list[Line] = field(default_factory=list)

    async def line(self) -> Line:
        """Connect."""
        line = Line(*await asyncio.open_connection("127.0.0.1", self.port))
        self.lines.append(line)
        return line

    async def ask(self, data: bytes) -> Reply:
        """Send bytes on a connection of their own, then return the answer."""
        line = await self.line()
        await line.send(data)
        return await line.reply()

    def kept(self) -> list[bytes]:
        """Return every body in the segment files."""
        return bodies(self.journal.directory)


def post(body: bytes = b"{}", *headers: bytes, signature: bytes = b"good", path: str = PATH) -> bytes:
    """Return an ordinary request as bytes."""
    lines = [
        b"POST %s HTTP/1.1" % path.encode(),
        b"Host: hub",
        b"X-Signature: " + signature,
        b"Content-Length: %d" % len(body),
        *headers,
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


Serve = Callable[..., AbstractAsyncContextManager[Site]]


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Start a listener with other limits, other proxies or another connector."""

    @contextlib.asynccontextmanager
    async def serving(
        connector: Connector = CONNECTOR,
        path: str = PATH,
        keys: Any = secrets,
        trusted: tuple[str, ...] = (),
        journal: Any = None,
        **limits: Any,
    ) -> AsyncIterator[Site]:
        (port,) = free_ports(1)
        wanted = Limits(**limits)
        async with a_writer(tmp_path / "journal", clock=SystemClock(), **(journal or {})).running() as writer:
            intake = Intake(writer, {path: Route(connector, "app", keys)}, SystemClock(), wanted)
            app = WebhookApp(intake, trusted)
            async with listening(app, "127.0.0.1", port, limits=wanted):
                site = Site(port, writer, intake, app)
                yield site
                for line in site.lines:
                    line.writer.transport.abort()

    return serving


@pytest.fixture
async def site(serve: Serve) -> AsyncIterator[Site]:
    """A listener with the shipped limits."""
    async with serve() as site:
        yield site


@pytest.fixture(autouse=True)
def few_descriptors_kept() -> Iterator[None]:
    """Leave the process's limit of descriptors as it was."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)
