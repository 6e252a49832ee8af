"""Runs the public listener alone, as a process whose memory can be measured: ``DIRECTORY PORT REQUEST_SECONDS``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from hub.pipeline.intake import Intake, Route
from hub.settings import Limits
from hub.system import SystemClock, SystemRandomness
from hub.web.listener import listening
from hub.web.webhooks import WebhookApp
from tests.support.journals import a_writer
from tests.support.stub_connector import CONNECTOR, PATH, secrets


async def serve(directory: Path, port: int, limits: Limits) -> None:
    """Serve until the process is ended."""
    clock = SystemClock()
    async with a_writer(directory, clock=clock, randomness=SystemRandomness()).running() as journal:
        intake = Intake(journal, {PATH: Route(CONNECTOR, "app", secrets)}, clock, limits)
        async with listening(WebhookApp(intake), "127.0.0.1", port, limits=limits):
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2]), Limits(request_seconds=float(sys.argv[3]))))
