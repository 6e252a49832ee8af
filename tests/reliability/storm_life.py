"""One life in a storm: ingest with all groups on a store that fails at times, with handlers that do."""

from __future__ import annotations

import asyncio
import dataclasses
import random
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, cast

from hub import bootstrap, discovery, working
from hub.contracts import Handler
from hub.pipeline.journal import JournalReader
from hub.settings import HubSettings, Limits, Waits
from hub.store import deliveries, events, groups
from hub.store.opening import AnyStore
from hub.system import SystemClock, SystemRandomness
from hub.telemetry import configure_logs
from tests.support.unreliable_store import Fault, UnreliableStore

_WAITS: Final = Waits(
    event_retry_seconds=(0.01,) * 8, sweep_interval_seconds=0.5, sweep_age_seconds=0, store_retry_seconds=0.01
)
_ONE_IN: Final = 400
_FAULTS: Final[tuple[Fault, ...]] = (None, "before", "after")
_ODDS: Final = (98, 1, 1)
_LOOK_SECONDS: Final = 0.5


class BadStore(UnreliableStore):
    """Passes for the hub's own store, whose engine the start asks for."""

    def __init__(self, reliable: AnyStore) -> None:
        """Serve faithfully until told otherwise."""
        super().__init__(reliable)
        self.engine = reliable.engine


class BadLuck(Exception):
    """What a handler raises when the seed says so."""


def live(data: Path, seed: int) -> None:
    """Work off all there is, then end."""
    configure_logs(json=True)
    found = discovery.handlers()
    found.update({name: _unlucky(handler, seed) for name, handler in found.items()})
    asyncio.run(_live(data, random.Random(seed)))


async def _live(data: Path, chance: random.Random) -> None:
    settings = HubSettings(data=data, waits=_WAITS, limits=Limits(disk_free_bytes=1))
    hub = bootstrap.assemble(settings, {}, SystemClock(), SystemRandomness())
    hub.connectors = discovery.connectors()
    async with bootstrap.storing(hub) as store:
        unreliable = BadStore(store)
        served = cast("AnyStore", unreliable)
        async with bootstrap.ingesting(hub, served), working.working(hub, served):
            unreliable.fault = lambda: chance.choices(_FAULTS, _ODDS)[0]
            while not await _is_done(store, hub.reader):
                for task in hub.tasks:
                    if task.done():
                        task.result()
                await asyncio.sleep(_LOOK_SECONDS)
            unreliable.fault = lambda: None


async def _is_done(store: AnyStore, reader: JournalReader) -> bool:
    cursor = await store.read(lambda tx: deliveries.cursor(tx, "storm"))
    if cursor is None or cursor.item or cursor.ingested < reader.total():
        return False
    types = {name: handler.type_names for name, handler in discovery.handlers().items()}

    def undone(tx: Any) -> int:
        rows = groups.everyone(tx)
        return sum(events.undone_count(tx, row.name, types[row.name], row.start, row.floor)[0] for row in rows)

    return await store.read(undone) == 0


def _unlucky(handler: Handler, seed: int) -> Handler:
    """Return the handler failing once or twice at one event in some hundreds, after it has done all its work."""
    failed: Counter[str] = Counter()
    work: Callable[..., None] = handler.handle

    def handle(event: Any, *rest: Any) -> None:
        work(event, *rest)
        luck = zlib.crc32(f"{seed} {handler.group} {event.id}".encode())
        if luck % _ONE_IN == 0 and failed[event.id] < 1 + luck // _ONE_IN % 2:
            failed[event.id] += 1
            msg = "the seed says so"
            raise BadLuck(msg)

    return dataclasses.replace(handler, handle=handle)
