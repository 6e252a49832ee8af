"""Runs the simulators in a process of their own."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from hub import bootstrap, settings
from hub.bootstrap import Hub
from hub.system import SystemClock, SystemRandomness
from hub.telemetry import configure_logs


def serve(data: Path | None, names: frozenset[str]) -> None:
    """Play the named providers, all when none is named; returns when told to stop."""
    configure_logs(json=not sys.stderr.isatty())
    wiring = settings.load(os.environ, data=data)
    hub = bootstrap.assemble(wiring, os.environ, SystemClock(), SystemRandomness(), played=names)
    asyncio.run(_serve(hub))


async def _serve(hub: Hub) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for stop in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(stop, told.set)
    async with bootstrap.simulating(hub):
        sys.stdout.write("The simulators are ready.\n")
        for name, played in hub.simulated.items():
            sys.stdout.writelines(f"  {name:9}  {page} (chat as a customer)\n" for page in played.pages)
        sys.stdout.write("  the hub    hub run --sandbox --simulators-elsewhere, with the same --data\n")
        sys.stdout.flush()
        waiting = asyncio.create_task(told.wait())
        done, _ = await asyncio.wait({waiting, *hub.tasks}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        for task in done & set(hub.tasks):
            task.result()
