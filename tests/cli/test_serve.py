"""The order in which a process opens its parts: who answers providers first, who speaks to people before it works."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from hub import killpoints
from hub.bootstrap import Hub
from hub.cli import serve
from hub.settings import HubSettings, Role
from hub.system import SystemClock, SystemRandomness

PUBLIC, PRIVATE = 18_320, 18_321


class Ready(Exception):
    """Ends the process as soon as it says that it is ready."""


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What was opened, then closed, in order; nothing of it is real."""
    found: list[str] = []

    def part(name: Callable[..., str]) -> Callable[..., Any]:
        @contextlib.asynccontextmanager
        async def opening(*given: Any, **options: Any) -> AsyncIterator[Any]:
            found.append(name(*given))
            yield _Intake()
            found.append(f"{name(*given)} closed")

        return opening

    for one in ("receiving", "storing", "ingesting", "simulating", "working"):
        monkeypatch.setattr(serve, one, part(lambda *_, one=one: one))
    listener = {PUBLIC: "webhooks", PRIVATE: "pages"}
    monkeypatch.setattr(serve, "listening", part(lambda app, host, port: listener[port]))
    monkeypatch.setattr(serve, "Private", lambda hub: _Front(part(lambda: "gauges")))
    before = sys.getswitchinterval()
    yield found
    sys.setswitchinterval(before)
    gc.unfreeze()


class _Intake:
    closing = False


class _Front:
    app = None

    def __init__(self, watching: Any) -> None:
        self.watching = watching

    def close(self) -> None:
        """Nobody looks at a page."""


@pytest.mark.parametrize(
    ("role", "order"),
    [
        ("all", ["receiving", "webhooks", "storing", "ingesting", "simulating", "gauges", "pages", "working"]),
        ("receiver", ["receiving", "webhooks", "simulating", "gauges", "pages"]),
        ("ingester", ["storing", "ingesting", "simulating"]),
        ("worker", ["storing", "simulating", "gauges", "pages", "working"]),
        ("effects", ["storing", "simulating", "gauges", "pages", "working"]),
        ("console", ["storing", "simulating", "gauges", "pages"]),
    ],
)
async def test_parts_open_in_this_order_close_in_reverse(
    role: Role, order: list[str], opened: list[str], tmp_path: Path
) -> None:
    """Intake before the database, simulators before who calls them, pages before the groups' careful first batch."""
    url = SecretStr("postgresql+psycopg://hub:word@127.0.0.1/hub")
    settings = HubSettings(
        data=tmp_path,
        role=role,
        webhook_port=PUBLIC,
        private_port=PRIVATE,
        database_url=url,
        postgresql_without_kafka=True,
    )
    hub = Hub(settings, SystemClock(), SystemRandomness(), {}, {})
    said: list[str] = []

    def ready(_: Hub) -> None:
        said.extend(opened)
        frozen.append(gc.get_freeze_count())
        raise Ready

    frozen: list[int] = []
    with pytest.raises(Ready):
        await serve.serve(hub, ready)

    assert said == order
    assert frozen > [0], "full collections leave alone what was there before the first customer"


async def test_a_stop_that_meets_the_end_of_a_start_drains(
    tmp_path: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []

    @contextlib.asynccontextmanager
    async def told_meanwhile(*_: object) -> AsyncIterator[None]:
        os.kill(os.getpid(), signal.SIGTERM)
        # More turns of the loop than the signal needs to be seen.
        for _turn in range(100):
            await asyncio.sleep(0)
        yield
        opened.append("working closed")

    monkeypatch.setattr(serve, "working", told_meanwhile)
    monkeypatch.setattr(killpoints, "reached", opened.append)
    settings = HubSettings(data=tmp_path, webhook_port=PUBLIC, private_port=PRIVATE)
    hub = Hub(settings, SystemClock(), SystemRandomness(), {}, {})
    before = {name: signal.getsignal(name) for name in (signal.SIGTERM, signal.SIGINT)}
    try:
        await serve.serve(hub, lambda _: started.append("ready"))
    finally:
        for name, handler in before.items():
            asyncio.get_running_loop().remove_signal_handler(name)
            signal.signal(name, handler)

    assert started == ["ready"]
    assert opened.index("stop.draining") < opened.index("working closed")
