"""Takes all that a journal holds into the database."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from hub import discovery, observation
from hub.cli.opening import Opened
from hub.cli.progress import Told
from hub.errors import HubError, Misconfigured
from hub.pipeline.ingest import Ingester
from hub.pipeline.journal import JournalReader
from hub.store import journals, schema
from hub.store.transaction import Origin


class Unfinished(HubError):
    """Something of the journal is left; what was taken in stays, the rest waits where it is."""


async def ingest(hub: Opened, path: Path, told: Told) -> int:
    """Take in what a journal holds that nobody writes to; return how many deliveries that were.

    The cursor is compared in each transaction: whoever else ingests the same journal is stopped, or stops this one.

    Raises:
        JournalMismatch: Somebody else ingests it, or it is not the one that the database knows.
        JournalUnavailable: The disk cannot be read.
        StoreUnavailable: The database cannot serve now.
    """
    reader = JournalReader(path)
    total = await left(hub, reader)
    ingester = Ingester(
        JournalReader(path),
        hub.store,
        discovery.connectors(),
        hub.clock,
        hub.randomness,
        waits=hub.settings.waits,
        limits=hub.settings.limits,
        # Whoever had it before died, maybe of what comes next.
        careful=True,
    )
    try:
        while await ingester.step():
            told(total - await left(hub, reader), total)
    finally:
        ingester.close()
        reader.close()
    return total


async def left(hub: Opened, reader: JournalReader) -> int:
    """Return how many deliveries of a journal the database has not yet."""
    return (await observation.oldest_pending(hub.store, reader))[1] or 0


async def strike(hub: Opened, reader: JournalReader) -> None:
    """Let nobody wait for a journal any more; what it holds is in the database.

    Raises:
        Unfinished: Something is left, after all.
    """
    some = await left(hub, reader)
    if some:
        msg = f"{some} deliveries came into the journal meanwhile; stop whoever accepts them, then try again"
        raise Unfinished(msg)
    await hub.store.transact(
        lambda unit: journals.strike(unit.begin(Origin("", "journal", "hub")), reader.journal_id or ""),
        name="journal.strike",
    )


@contextlib.contextmanager
def alone(journal: Path, names: tuple[str, ...]) -> Iterator[None]:
    """Hold the locks of a hub's parts in the data directory around a journal, as far as it is one: not of a copy.

    Raises:
        Misconfigured: A hub runs there.
    """
    folder = journal.resolve().parent
    with contextlib.ExitStack() as stack:
        for name in names:
            if (folder / f"{name}.lock").exists():
                stack.enter_context(schema.locked(folder, name))
        yield


def is_held(folder: Path, name: str, stack: contextlib.ExitStack) -> bool:
    """Tell whether a process has a part of the data directory; otherwise nobody gets it until the stack ends."""
    try:
        stack.enter_context(schema.locked(folder, name))
    except Misconfigured:
        return True
    return False
