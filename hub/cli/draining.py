"""Empties the journal of this data directory, whether its hub runs or not."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hub.bootstrap import JOURNAL
from hub.cli import emptying
from hub.cli.emptying import Unfinished
from hub.cli.opening import Opened, with_hub
from hub.cli.progress import Told, shown
from hub.draining import Drain
from hub.errors import NotFound
from hub.pipeline.journal import JournalReader

_ANSWER_SECONDS: Final = 30.0
_STUCK_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.1


@dataclass(frozen=True)
class Drained:
    """What was done: how many deliveries were left, whether the hub runs on, refusing more."""

    deliveries: int
    is_running: bool


def drain(data: Path | None) -> Drained:
    """Take nothing more, then bring everything that was taken into the database.

    Raises:
        NotFound: There is no journal here, or no hub.
        StoreUnavailable: The database cannot serve; deliveries are taken again, nothing is lost.
        Unfinished: A process of the hub does not do its part; deliveries are taken again.
    """
    return with_hub(data, _drain)


async def _drain(hub: Opened) -> Drained:
    data = hub.settings.data
    reader = JournalReader(data / JOURNAL)
    if not await asyncio.to_thread(lambda: reader.journal_id):
        msg = f"{data} has no journal; name the data directory of an intake with --data"
        raise NotFound(msg)
    # Before anybody is turned away: with the database out of reach there is nothing that could be done.
    total = await emptying.left(hub, reader)
    wish = Drain(data)
    is_new = wish.ask(hub.randomness.token())
    try:
        with contextlib.ExitStack() as stack, shown("draining", hub.clock) as told:
            is_running = emptying.is_held(data, "receiver", stack)
            if is_running:
                await _until_closed(hub, wish)
            total = max(total, await emptying.left(hub, reader))
            if emptying.is_held(data, "ingester", stack):
                await _until_empty(hub, reader, told)
            else:
                await emptying.ingest(hub, data / JOURNAL, told)
            await emptying.strike(hub, reader)
    except BaseException:
        if is_new:
            wish.withdraw()
        raise
    finally:
        reader.close()
    return Drained(total, is_running)


async def _until_closed(hub: Opened, wish: Drain) -> None:
    until = hub.clock.monotonic() + _ANSWER_SECONDS
    while not wish.is_closed:
        if hub.clock.monotonic() > until:
            msg = f"the receiver did not stop accepting within {_ANSWER_SECONDS:.0f} s; stop the hub, then drain again"
            raise Unfinished(msg)
        await asyncio.sleep(_LOOK_SECONDS)


async def _until_empty(hub: Opened, reader: JournalReader, told: Told) -> None:
    """Wait for the ingester that runs."""
    least = total = await emptying.left(hub, reader)
    moved_at = hub.clock.monotonic()
    while some := await emptying.left(hub, reader):
        if some < least:
            least, moved_at = some, hub.clock.monotonic()
        if hub.clock.monotonic() - moved_at > _STUCK_SECONDS:
            msg = f"the ingester leaves {some} deliveries; hub doctor says why, or stop the hub and drain again"
            raise Unfinished(msg)
        told(total - some, total)
        await asyncio.sleep(_LOOK_SECONDS)
