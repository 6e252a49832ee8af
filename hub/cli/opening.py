"""Opens an existing hub's database for one command, beside a hub that may be running."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from hub import settings
from hub.bootstrap import DATABASE
from hub.errors import Misconfigured, NotFound
from hub.ports import Clock, Randomness
from hub.services import commands, projections
from hub.services.commands import Command
from hub.settings import HubSettings
from hub.store import moved, opening, schema
from hub.store.engine import open_engine
from hub.store.opening import AnyStore
from hub.store.sqlite import SqliteStore
from hub.store.transaction import Transaction
from hub.system import SystemClock, SystemRandomness
from hub.telemetry import configure_logs

T = TypeVar("T")


@dataclass(frozen=True)
class Opened:
    """What a command works with."""

    settings: HubSettings
    store: AnyStore
    clock: Clock
    randomness: Randomness


@dataclass(frozen=True)
class Decision:
    """What somebody at a terminal decided, about what; ``detail`` goes to the audit."""

    name: str
    object: str
    detail: Mapping[str, Any] = field(default_factory=dict)


def with_hub(data: Path | None, work: Callable[[Opened], Awaitable[T]]) -> T:
    """Run a command's work on the database of a data directory.

    Raises:
        NotFound: The directory holds no hub.
        Misconfigured: Its database was made by an older or newer release.
    """
    configure_logs(json=not sys.stderr.isatty())

    async def run() -> T:
        async with opened(settings.load(os.environ, data=data)) as hub:
            return await work(hub)

    return asyncio.run(run())


def look(data: Path | None, read: Callable[[Transaction], T]) -> T:
    """Return what a function reads from a hub's database."""

    async def work(hub: Opened) -> T:
        return await hub.store.read(read)

    return with_hub(data, work)


def decide(data: Path | None, decision: Decision, change: Callable[[Transaction], T]) -> T:
    """Let the person at the terminal change something as one command, then return what the change returned."""
    return with_hub(data, lambda hub: settle(hub, decision, change))


async def settle(hub: Opened, decision: Decision, change: Callable[[Transaction], T]) -> T:
    """Let the person at the terminal change something in an open database, as one command."""
    command = Command(hub.randomness.token(), decision.name, actor(), decision.object, detail=decision.detail)
    # A command keeps its answer as JSON, which has no place for nothing at all.
    done = commands.work(command, lambda tx: {"answer": change(tx)})
    return (await hub.store.transact(done, name=decision.name))["answer"]


def actor() -> str:
    """Return the person at the terminal, by the name that the machine knows."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = str(os.getuid())
    return f"cli:{name}"


@contextlib.asynccontextmanager
async def opened(wiring: HubSettings) -> AsyncIterator[Opened]:
    """Open a hub's database until the block ends; never makes or migrates one.

    Raises:
        NotFound: The directory holds no hub.
        Misconfigured: Its database was made by an older or newer release.
    """
    clock = SystemClock()
    store = _on_postgres(wiring, clock) if wiring.database_url is not None else _on_sqlite(wiring, clock)
    async with store.running():
        yield Opened(wiring, store, clock, SystemRandomness())


def _on_postgres(wiring: HubSettings, clock: Clock) -> AnyStore:
    from hub.store.postgres import PostgresStore

    assert wiring.database_url is not None  # noqa: S101 - asked before
    url = wiring.database_url.get_secret_value()
    if not opening.is_current(url, clock):
        msg = "the database that HUB_DATABASE_URL names is empty or of an older release; run hub migrate"
        raise Misconfigured([msg])
    return PostgresStore(url, clock, projections=projections.ALL)


def _on_sqlite(wiring: HubSettings, clock: Clock) -> AnyStore:
    moved.refuse(wiring.data)
    path = wiring.data / DATABASE
    if not path.exists():
        msg = f"{wiring.data} holds no hub; name its data directory with --data, or start one there with hub run"
        raise NotFound(msg)
    engine = open_engine(path)
    try:
        if not schema.is_current(engine):
            msg = f"the database in {wiring.data} is of an older release; stop the hub, then run hub migrate"
            raise Misconfigured([msg])
        schema.prepare(engine, store_id="", now=clock.now())
    finally:
        engine.dispose()
    return SqliteStore(path, clock, projections=projections.ALL, look_seconds=wiring.waits.look_seconds)
