"""The private listener: who may ask, what it tells of itself, how pages hear of news."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import httpx
import pytest

from hub.pipeline.ingest import Ingester
from hub.telemetry import metrics
from hub.web.listener import listening
from hub.web.private import Private
from tests.support.embedded_hub import EmbeddedHub, embedded_hub, text_message
from tests.support.engines import database
from tests.support.ports import free_ports

__all__ = ["database"]


@pytest.fixture
async def hub(tmp_path: Path, database: str | None) -> AsyncIterator[EmbeddedHub]:
    async with embedded_hub(tmp_path / "data", database=database) as running:
        yield running


def client(front: Private, *, peer: str = "127.0.0.1", host: str = "127.0.0.1:8321") -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(front.app, client=(peer, 1)), base_url=f"http://{host}")


@pytest.mark.parametrize("host", ["127.0.0.1:8321", "localhost:8321", "localhost"])
async def test_this_machine_is_answered(hub: EmbeddedHub, host: str) -> None:
    async with client(Private(hub.hub), host=host) as browser:
        assert (await browser.get("/healthz")).status_code == 200


@pytest.mark.parametrize(
    ("peer", "host"),
    [
        ("10.0.0.7", "127.0.0.1:8321"),
        ("127.0.0.1", "evil.example"),
        ("127.0.0.1", "127.0.0.1.evil.example:8321"),
        ("127.0.0.1", "10.0.0.7:8321"),
    ],
)
async def test_nobody_else_is(hub: EmbeddedHub, peer: str, host: str) -> None:
    async with client(Private(hub.hub), peer=peer, host=host) as browser:
        for path in ("/", "/metrics", "/vivo"):
            assert (await browser.get(path)).status_code == 403


@pytest.mark.feature("OB-05")
async def test_it_is_alive_yet_not_ready_with_the_cause(hub: EmbeddedHub) -> None:
    async with client(Private(hub.hub)) as probe:
        assert (await probe.get("/readyz")).text == "ready"

        assert hub.hub.ingester is not None
        # The running one would clear its alarm: it has none.
        hub.hub.ingester = cast("Ingester", SimpleNamespace(alarm="segment 3 of the journal is gone"))
        answer = await probe.get("/readyz")

        assert (answer.status_code, answer.text) == (503, "segment 3 of the journal is gone")
        assert (await probe.get("/healthz")).text == "ok"
        home = (await probe.get("/")).text
        assert "El ingreso se detuvo: segment 3 of the journal is gone." in home


async def test_gauges_are_kept_current(hub: EmbeddedHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.web.watching.LOOK_SECONDS", 0.05)
    front = Private(hub.hub)
    async with front.watching(), client(front) as scraper:
        await hub.push(b"no JSON")
        await hub.until(lambda: hub.books.count("dead_letters") == 1, "dead")
        await hub.until(lambda: metrics.open_dead._value.get() == 1, "seen")
        assert "hub_dead_letters_open 1.0" in (await scraper.get("/metrics")).text


@pytest.fixture
async def open_page(hub: EmbeddedHub) -> AsyncIterator[tuple[Private, str]]:
    front = Private(hub.hub)
    (port,) = free_ports(1)
    async with listening(front.app, "127.0.0.1", port):
        yield front, f"http://127.0.0.1:{port}"
        front.close()


async def next_news(lines: AsyncIterator[str]) -> str:
    """Return the id of the next event of a stream."""
    async with asyncio.timeout(5):
        id_ = ""
        async for line in lines:
            if line.startswith("id:"):
                id_ = line.removeprefix("id:").strip()
            if line.startswith("data:") and line != "data:":
                return id_
    return ""


async def test_an_open_page_hears_of_news_at_once(hub: EmbeddedHub, open_page: tuple[Private, str]) -> None:
    _, url = open_page
    async with httpx.AsyncClient(trust_env=False) as browser, browser.stream("GET", f"{url}/vivo") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.aiter_lines()
        first = await next_news(lines)
        await hub.deliver(text_message("5212221234567", "No timbra", "wamid.1", 1_795_000_000))

        assert await next_news(lines) != first


async def test_an_open_page_does_not_hold_up_the_stop(hub: EmbeddedHub) -> None:
    front = Private(hub.hub)
    (port,) = free_ports(1)
    loop = asyncio.get_running_loop()
    async with httpx.AsyncClient(trust_env=False) as browser:
        async with listening(front.app, "127.0.0.1", port):
            request = browser.build_request("GET", f"http://127.0.0.1:{port}/vivo")
            stream = await browser.send(request, stream=True)
            await next_news(stream.aiter_lines())
            front.close()
            began = loop.time()
        assert loop.time() - began < 2
        await stream.aclose()


async def test_pages_beyond_the_limit_are_turned_away(
    hub: EmbeddedHub, open_page: tuple[Private, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.web.live.MOST_READERS", 1)
    _, url = open_page
    async with httpx.AsyncClient(trust_env=False) as browser, browser.stream("GET", f"{url}/vivo") as stream:
        await next_news(stream.aiter_lines())

        assert (await browser.get(f"{url}/vivo")).status_code == 503
