"""Keeps the two processes of an intake alive: the receiver that answers, the ingester behind it."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hub.errors import Misconfigured
from hub.settings import HubSettings
from hub.telemetry import logger

log = logger("supervisor")

ROLES: Final = ("receiver", "ingester")
FOLLOW: Final = ("--until-input-closes",)
FIRST_PAUSE_SECONDS: Final = 0.2
LONGEST_PAUSE_SECONDS: Final = 10.0
_HEALTHY_SECONDS: Final = 10.0
_KILL_AFTER_SECONDS: Final = 5.0
_MISCONFIGURED: Final = 2


def run(wiring: HubSettings, arguments: Sequence[str] = ()) -> None:
    """Run both processes until told to stop; each is started again alone when it dies.

    Args:
        wiring: The intake's settings; the children read the same environment.
        arguments: Further options for ``hub run``, e.g. ``--sandbox``.

    Raises:
        Misconfigured: A child refused its configuration; starting it again would not help.
    """
    asyncio.run(_run(wiring, arguments))


async def _run(wiring: HubSettings, arguments: Sequence[str]) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for stop in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(stop, told.set)
    children = [Child(role, wiring.data, arguments, told, wiring.waits.stop_seconds) for role in ROLES]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(child.keep_alive(), name=child.role) for child in children]
        sys.stdout.write(f"The intake is supervised: {' beside '.join(ROLES)}.\n")
        sys.stdout.flush()
        await told.wait()
    refused = [task.get_name() for task in tasks if task.result()]
    if refused:
        raise Misconfigured(
            [f"the {role} refused its configuration; its own message above names it" for role in refused]
        )


class Child:
    """One process, started again whenever it dies."""

    def __init__(
        self, role: str, data: Path, arguments: Sequence[str], told: asyncio.Event, stop_seconds: float
    ) -> None:
        """Prepare; ``told`` ends it, and a refused configuration sets ``told`` for the others."""
        self.role = role
        self._command = (sys.executable, "-m", "hub", "run", "--role", role, "--data", str(data), *FOLLOW, *arguments)
        self._told = told
        self._stop_seconds = stop_seconds

    async def keep_alive(self) -> bool:
        """Run the process until told to stop; True when it refused its configuration."""
        pause = FIRST_PAUSE_SECONDS
        loop = asyncio.get_running_loop()
        while not self._told.is_set():
            began = loop.time()
            # A session of its own: what the terminal says to us is for us to pass on, once. A pipe of ours as its
            # input: when we are killed it closes, and the process stops instead of holding on to its locks.
            process = await asyncio.create_subprocess_exec(
                *self._command, stdin=asyncio.subprocess.PIPE, start_new_session=True
            )
            code = await self._wait(process)
            if self._told.is_set():
                break
            if code == _MISCONFIGURED:
                self._told.set()
                return True
            if loop.time() - began > _HEALTHY_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            log.error("a process of the intake died; it is started again", role=self.role, code=code, pause=pause)
            await self._pause(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        return False

    async def _wait(self, process: asyncio.subprocess.Process) -> int:
        ended = asyncio.create_task(process.wait())
        told = asyncio.create_task(self._told.wait())
        await asyncio.wait({ended, told}, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        if not ended.done():
            process.terminate()
            try:
                async with asyncio.timeout(self._stop_seconds + _KILL_AFTER_SECONDS):
                    await asyncio.shield(ended)
            except TimeoutError:
                log.warning("a process of the intake did not stop; it is killed", role=self.role)
                process.kill()
        return await ended

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._told.wait()
        except TimeoutError:
            return
