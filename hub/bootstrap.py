"""The composition root: builds the parts of a process from its settings, starts them, stops them in order."""

from __future__ import annotations

import asyncio
import contextlib
import platform
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hub import discovery, kafka_settings, sandbox, speaking
from hub.configuration import collecting
from hub.contracts import Connection, Connector, Sandboxed
from hub.draining import Drain
from hub.errors import Misconfigured
from hub.kafka_settings import KafkaSettings
from hub.pipeline.consumer import Consumer
from hub.pipeline.ingest import Ingester, Reporter
from hub.pipeline.intake import Intake, Route
from hub.pipeline.journal import JournalReader, JournalWriter
from hub.pipeline.relay import Relay
from hub.ports import Clock, Randomness
from hub.running_mark import running_mark
from hub.services import projections
from hub.settings import HubSettings
from hub.store import moved, opening, schema
from hub.store.engine import open_engine
from hub.store.opening import AnyStore
from hub.store.sqlite import SqliteStore
from hub.store.wake import WAKE, Wake
from hub.telemetry import logger

log = logger("hub")

DATABASE: Final = "hub.db"
JOURNAL: Final = "journal"


@dataclass
class Hub:
    """One process's parts; ``tasks`` run until one of them breaks or the process is told to stop."""

    settings: HubSettings
    clock: Clock
    randomness: Randomness
    connectors: Mapping[str, Connector]
    connections: Mapping[str, Connection]
    simulated: Mapping[str, Sandboxed] = field(default_factory=dict)
    kafka: KafkaSettings | None = None
    relay: Relay | None = None
    journal: JournalWriter | None = None
    intake: Intake | None = None
    store: AnyStore | None = None
    ingester: Ingester | None = None
    consumers: list[Consumer] = field(default_factory=list)
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Know where the other processes of the data directory listen."""
        self.neighbours = Wake(self.settings.data / WAKE)

    @property
    def reader(self) -> JournalReader:
        """A fresh reader of this data directory's journal."""
        return JournalReader(self.settings.data / JOURNAL)

    def journal_grew(self) -> None:
        """Wake the ingester, in this process or beside it."""
        if self.ingester is not None:
            self.ingester.wake()
        else:
            self.neighbours.tell("journal")

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run a part in the background; when it breaks the process stops with its error."""
        task = asyncio.create_task(work, name=name)
        self.tasks.append(task)
        return task


def assemble(
    settings: HubSettings,
    environ: Mapping[str, str],
    clock: Clock,
    randomness: Randomness,
    *,
    played: frozenset[str] | None = None,
) -> Hub:
    """Read every connector's settings.

    Args:
        settings: The process's own wiring.
        environ: The environment, read by each connector for itself.
        clock: Gives every instant.
        randomness: Gives every token.
        played: Connectors that are simulated; empty for all, None for no sandbox.

    Raises:
        Misconfigured: Naming every wrong knob of every connector at once.
    """
    connectors = discovery.connectors()
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    simulated: dict[str, Sandboxed] = {}
    if played is not None:
        if not played:
            sandbox.refuse_real(settings.data)
        simulated = sandbox.play(connectors, played or set(connectors), settings, clock, randomness)
    connections: dict[str, Connection] = {}
    problems: list[str] = []
    kafka: KafkaSettings | None = None
    with collecting(problems):
        kafka = kafka_settings.load(environ)
    for name, connector in connectors.items():
        with collecting(problems):
            connection = connector.connect(simulated[name].environment if name in simulated else environ)
            if connection is not None:
                connections[name] = connection
    problems += speaking.doubled(connections)
    if problems:
        raise Misconfigured(problems)
    if set(connections) - set(simulated):
        sandbox.mark_real(settings.data)
    return Hub(settings, clock, randomness, connectors, connections, simulated, kafka)


@contextlib.asynccontextmanager
async def receiving(hub: Hub, on_commit: Callable[[], None] = lambda: None) -> AsyncIterator[Intake]:
    """Open the journal with its intake."""
    limits = hub.settings.limits
    with schema.locked(hub.settings.data, "receiver"):
        journal = JournalWriter(
            hub.settings.data / JOURNAL,
            hub.clock,
            hub.randomness,
            segment_bytes=limits.segment_bytes,
            disk_free_bytes=limits.disk_free_bytes,
            on_commit=on_commit,
        )
        async with journal.running():
            hub.journal = journal
            intake = hub.intake = Intake(journal, _webhook_routes(hub), hub.clock, limits)
            drain = Drain(hub.settings.data)
            drain.apply(intake)
            async with background(hub, drain.follow(intake, hub.settings.waits.look_seconds), "drain"):
                yield intake


@contextlib.asynccontextmanager
async def storing(hub: Hub) -> AsyncIterator[AnyStore]:
    """Bring the database up to date, then open it."""
    url, waits = hub.settings.database_url, hub.settings.waits
    store: AnyStore
    if url is None:
        path = prepare_database(hub.settings.data, hub.clock, hub.randomness)
        store = SqliteStore(path, hub.clock, projections=projections.ALL, look_seconds=waits.look_seconds)
    else:
        from hub.store.postgres import PostgresStore

        place = url.get_secret_value()
        await opening.migrated(place, hub.clock, hub.randomness, retry_seconds=waits.store_retry_seconds)
        store = PostgresStore(place, hub.clock, projections=projections.ALL)
    async with store.running():
        hub.store = store
        yield store


@contextlib.asynccontextmanager
async def ingesting(hub: Hub, store: AnyStore) -> AsyncIterator[Ingester]:
    """Take the journal into the database."""
    with schema.locked(hub.settings.data, "ingester"), running_mark(hub.settings.data, "ingester") as was_clean:
        drain = Drain(hub.settings.data)
        ingester = Ingester(
            hub.reader,
            store,
            hub.connectors,
            hub.clock,
            hub.randomness,
            waits=hub.settings.waits,
            limits=hub.settings.limits,
            careful=not was_clean,
            reporter=Reporter(store, platform.node(), leaves=lambda: drain.asked is not None),
        )
        hub.ingester = ingester
        store.on_commit(lambda commit: ingester.wake() if "journal" in commit.signals else None)
        async with background(hub, ingester.run(), "ingest"):
            yield ingester


@contextlib.asynccontextmanager
async def simulating(hub: Hub) -> AsyncIterator[None]:
    """Run the simulators of the sandbox."""
    async with contextlib.AsyncExitStack() as stack:
        for name, played in hub.simulated.items():
            task = await stack.enter_async_context(background(hub, played.simulator.serve(), f"simulated-{name}"))
            ready = asyncio.create_task(played.simulator.ready.wait())
            await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
            ready.cancel()
            if task.done():
                task.result()
        yield


def prepare_database(data: Path, clock: Clock, randomness: Randomness, *, moved_too: bool = False) -> Path:
    """Return the database's path, migrated when it was behind; who comes while another process does that waits for it.

    Raises:
        Misconfigured: It was changed by newer code, or (unless ``moved_too``) it was moved to PostgreSQL.
    """
    if not moved_too:
        moved.refuse(data)
    path = data / DATABASE
    engine = open_engine(path)
    try:
        if not path.exists() or not schema.is_current(engine):
            path.touch(mode=0o600)
            with schema.locked(data, "migration", wait=True):
                schema.prepare(engine, store_id=randomness.token(), now=clock.now())
        else:
            schema.prepare(engine, store_id="", now=clock.now())
    finally:
        engine.dispose()
    return path


@contextlib.asynccontextmanager
async def background(hub: Hub, work: Coroutine[Any, Any, Any], name: str) -> AsyncIterator[asyncio.Task[Any]]:
    """Run a part until the block ends; when it breaks the process stops with its error."""
    task = hub.spawn(work, name)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _webhook_routes(hub: Hub) -> dict[str, Route]:
    return {
        f"/webhooks/{name}/{app}": Route(hub.connectors[name], app, secrets)
        for name, connection in hub.connections.items()
        for app, secrets in connection.secrets.items()
    }
