"""Runs what acts on events in one process: groups with their bus, timers, calls to providers."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from hub import discovery
from hub.bootstrap import background
from hub.bus.embedded import EmbeddedBus
from hub.contracts import AssetRoute
from hub.doctor import accounts
from hub.domain import business_time
from hub.domain.policies import Policies
from hub.errors import StoreUnavailable
from hub.pipeline import foreign
from hub.pipeline.account_watch import AccountWatch
from hub.pipeline.consumer import Consumer, Upkeep, join
from hub.pipeline.effects import EffectWorker
from hub.pipeline.files import FileWorker, shelf_of
from hub.pipeline.ingest import examine
from hub.pipeline.journal import JournalMismatch
from hub.pipeline.timers import TimerWorker
from hub.ports import EventBus
from hub.publishing import publishing
from hub.running_mark import running_mark
from hub.store import prepared, schema
from hub.store.opening import AnyStore
from hub.telemetry import logger
from schemas.topics import LOG

if TYPE_CHECKING:
    from hub.bootstrap import Hub

T = TypeVar("T")

log = logger("hub")


@contextlib.asynccontextmanager
async def working(hub: Hub, store: AnyStore) -> AsyncIterator[None]:
    """Run groups, timers, relay, effects, as far as they are the process's role."""
    data, waits = hub.settings.data, hub.settings.waits
    handles, calls = hub.settings.handles, hub.settings.calls
    name = "worker" if handles else "effects"
    with schema.locked(data, name), running_mark(data, name) as was_clean:
        bus = await _bus(hub, store) if handles else None
        upkeeps = [] if bus is None else await _groups(hub, store, bus)
        effects = await _effects(hub, store) if calls else None
        files = await _files(hub, store) if calls else None
        policies = await _patiently(hub, lambda: store.read(lambda tx: tx.policies))
        await asyncio.to_thread(_warm_up, store, policies, hub.clock.now())
        if not was_clean:
            for upkeep in upkeeps:
                await _patiently(hub, upkeep.take_first_batch_carefully)
        if bus is not None:
            await bus.start()
        async with contextlib.AsyncExitStack() as stack:
            if effects is not None:
                stack.push_async_callback(effects.stop)
                hub.spawn(effects.run(), "effects")
            if files is not None:
                stack.push_async_callback(files.stop)
                hub.spawn(files.run(), "files")
                watch = _watch(hub, store)
                if watch.has_work:
                    stack.push_async_callback(watch.stop)
                    await stack.enter_async_context(background(hub, watch.run(), "accounts"))
            if bus is not None:
                await stack.enter_async_context(publishing(hub, store))
                stack.push_async_callback(bus.stop)
                hub.spawn(bus.wait(), "bus")
                await stack.enter_async_context(background(hub, TimerWorker(store, hub.clock, waits).run(), "timers"))
            for upkeep in upkeeps:
                await stack.enter_async_context(background(hub, upkeep.run(), f"upkeep-{upkeep.group}"))
            yield


async def _bus(hub: Hub, store: AnyStore) -> EventBus:
    """Return the bus that spreads keys over processes, where there may be several."""
    waits = hub.settings.waits
    if hub.kafka is None or hub.settings.database_url is None:
        return EmbeddedBus(store, retry_seconds=waits.store_retry_seconds)
    # In a thread, as for the relay: the libraries take half a second to load.
    module = await asyncio.to_thread(importlib.import_module, "hub.bus.kafka.bus")
    topic = hub.kafka.topic(LOG.name)

    async def note(count: int) -> None:
        await store.transact(foreign.note(topic, count), name="bus.foreign")

    bus: EventBus = module.KafkaBus(store, hub.kafka, hub.clock, waits, foreign=note)
    return bus


async def _groups(hub: Hub, store: AnyStore, bus: EventBus) -> list[Upkeep]:
    handlers = discovery.handlers()
    await _patiently(hub, lambda: join(store, list(handlers.values())))
    hub.consumers = [Consumer(handler, store, hub.clock, hub.settings.waits) for handler in handlers.values()]
    for consumer in hub.consumers:
        await _patiently(hub, consumer.load)
        bus.subscribe(consumer.subscription)
    return [Upkeep(consumer, lambda: bus.away) for consumer in hub.consumers]


async def _effects(hub: Hub, store: AnyStore) -> EffectWorker:
    effects = EffectWorker(
        store,
        _asset_routes(hub),
        hub.clock,
        hub.settings.waits,
        holder=hub.randomness.token(),
        is_witness=await _patiently(hub, lambda: _is_witness(hub, store)),
        path_of=shelf_of(hub.settings).path,
    )
    lost = await _patiently(hub, lambda: effects.recover(is_sole=hub.settings.database_url is None))
    if lost:
        log.warning("it is not known whether these calls were made; they are in doubt", count=lost)
    return effects


async def _files(hub: Hub, store: AnyStore) -> FileWorker:
    settings = hub.settings
    files = FileWorker(
        store,
        _asset_routes(hub),
        shelf_of(settings),
        hub.clock,
        hub.randomness,
        waits=settings.waits,
        limits=settings.limits,
    )
    await _patiently(hub, lambda: files.recover(is_sole=settings.database_url is None))
    return files


def _watch(hub: Hub, store: AnyStore) -> AccountWatch:
    """Return what asks the providers that are real: whoever plays one knows how it is."""
    watched = [
        (name, account, accounts.callback(hub.settings.public_url, name, account))
        for name, connection in hub.connections.items()
        if name not in hub.simulated
        for account in connection.accounts
    ]
    seconds = hub.settings.waits.account_check_seconds
    return AccountWatch(store, watched, hub.clock, hub.randomness, seconds=seconds)


async def _patiently(hub: Hub, work: Callable[[], Awaitable[T]]) -> T:
    """Do a step of the start, however long the database is away: webhooks are answered meanwhile."""
    while True:
        try:
            return await work()
        except StoreUnavailable as error:
            log.warning("the database cannot serve; the start waits for it", error=str(error))
            await asyncio.sleep(hub.settings.waits.store_retry_seconds)


async def _is_witness(hub: Hub, store: AnyStore) -> bool:
    """Tell whether the journal beside this process knows what the database should; if that is less, it is told."""
    try:
        return await examine(hub.reader, store) is not None or hub.settings.database_url is None
    except JournalMismatch:
        # Ingest stops over it, with an alarm; what this database knows of goes on.
        return hub.settings.database_url is None


def _warm_up(store: AnyStore, policies: Policies, now: datetime) -> None:
    """Load what the first message would otherwise wait for: the calendar of holidays is slow to come."""
    prepared.warm_up(store.engine.dialect)
    business_time.next_opening(policies.attendance, now)


def _asset_routes(hub: Hub) -> dict[tuple[str, str], AssetRoute]:
    return {
        (name, asset): route
        for name, connection in hub.connections.items()
        for asset, route in connection.assets.items()
    }
