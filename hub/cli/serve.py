"""Runs one process of the hub until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import signal
import sys
from collections.abc import Callable

from hub import killpoints
from hub.bootstrap import Hub, ingesting, receiving, simulating, storing
from hub.telemetry import logger
from hub.web.listener import listening
from hub.web.private import Private
from hub.web.webhooks import WebhookApp
from hub.working import working

log = logger("hub")

_SWITCH_SECONDS = 0.0005
_START_SHARE = 0.25
"""How much of a stop's time a start that is under way may take to end."""


async def serve(hub: Hub, ready: Callable[[Hub], None], *, simulate: bool = True, leash: bool = False) -> None:
    """Start the parts of the process's role, intake first; call ``ready``; stop them in reverse on SIGTERM or SIGINT.

    With ``simulate`` the sandbox's simulators run here; with ``leash`` the end of standard input stops it, too.

    Raises:
        Misconfigured: A port, lock or setting is not to be had.
        Exception: Whatever broke a part; the process must be started again.
    """
    # Threads share the interpreter with intake: a short switch interval keeps its latency (architecture §5, measured).
    sys.setswitchinterval(_SWITCH_SECONDS)
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, told.set)
    if leash:
        _stop_with_input(loop, told)
    started = asyncio.Event()
    work = asyncio.create_task(_serve(hub, ready, told, started, simulate=simulate), name="serve")
    stopping, begun = asyncio.create_task(told.wait()), asyncio.create_task(started.wait())
    first = asyncio.FIRST_COMPLETED
    try:
        await asyncio.wait({work, stopping}, return_when=first)
        if not started.is_set():
            # A start that is nearly done ends in order; one that waits for its database might do so for ever.
            await asyncio.wait({work, begun}, timeout=_START_SHARE * hub.settings.waits.stop_seconds, return_when=first)
        if not started.is_set():
            work.cancel()
        await work
    except asyncio.CancelledError:
        work.cancel()
        if not told.is_set():
            raise
    finally:
        stopping.cancel()
        begun.cancel()


async def _serve(
    hub: Hub, ready: Callable[[Hub], None], told: asyncio.Event, started: asyncio.Event, *, simulate: bool
) -> None:
    settings = hub.settings
    role = settings.role
    async with contextlib.AsyncExitStack() as stack:
        if role in {"all", "receiver"}:
            intake = await stack.enter_async_context(receiving(hub, hub.journal_grew))
            webhooks = WebhookApp(intake, settings.trusted_proxies)
            place = listening(webhooks, settings.webhook_host, settings.webhook_port, limits=settings.limits)
            await stack.enter_async_context(place)
            stack.callback(setattr, intake, "closing", True)  # noqa: FBT003
        if role != "receiver":
            store = await stack.enter_async_context(storing(hub))
            if role in {"all", "ingester"}:
                await stack.enter_async_context(ingesting(hub, store))
        if simulate:
            await stack.enter_async_context(simulating(hub))
        if role != "ingester":
            # Before the groups: after an unclean stop their careful first batch may take seconds.
            front = Private(hub)
            await stack.enter_async_context(front.watching())
            await stack.enter_async_context(listening(front.app, settings.private_host, settings.private_port))
            stack.callback(front.close)
        if settings.handles or settings.calls:
            await stack.enter_async_context(working(hub, store))
        # What lives by now lives to the end: each full collection over it would hold up customers by 15 ms (measured).
        gc.collect()
        gc.freeze()
        ready(hub)
        started.set()
        if settings.calls:
            # Every channel's client stands on it: the first call would wait for what takes a third of a second to load.
            asyncio.get_running_loop().run_in_executor(None, importlib.import_module, "httpx_aiohttp")
        await _until_told_or_broken(hub, told)
        killpoints.reached("stop.draining")


def _stop_with_input(loop: asyncio.AbstractEventLoop, told: asyncio.Event) -> None:
    descriptor = sys.stdin.fileno()

    def let_go() -> None:
        loop.remove_reader(descriptor)
        told.set()

    loop.add_reader(descriptor, let_go)


async def _until_told_or_broken(hub: Hub, told: asyncio.Event) -> None:
    waiting = asyncio.create_task(told.wait())
    while not told.is_set():
        done, _ = await asyncio.wait({waiting, *hub.tasks}, timeout=1.0, return_when=asyncio.FIRST_COMPLETED)
        if hub.store is not None and hub.store.broken is not None:
            raise hub.store.broken
        for task in done & set(hub.tasks):
            hub.tasks.remove(task)
            task.result()
            log.error("a part of the hub ended", task=task.get_name())
    waiting.cancel()
