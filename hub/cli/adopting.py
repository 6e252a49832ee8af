"""Lets a journal belong to this database, whoever had it before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from hub.bootstrap import JOURNAL
from hub.cli import emptying
from hub.cli.opening import Opened, with_hub
from hub.cli.progress import shown
from hub.errors import NotFound
from hub.pipeline.ingest.mark import Mark, MarkFile
from hub.pipeline.journal import JournalReader
from hub.store import journals, restores, schema, suspects
from hub.store.journals import Report

_REPORTS_MISSED: Final = 6
"""After so many of which nothing came, whoever sends them is taken for dead."""


class StillLivesError(emptying.Unfinished):
    """Somebody else ingests the journal."""


@dataclass(frozen=True)
class Adopted:
    """What became of a journal.

    Attributes:
        was: The database that it belonged to, None for none yet.
        is_own: It is this data directory's: its hub ingests it at the next start.
        is_known: Its reports were expected, or still are.
        pending: Deliveries that this database had not.
        ingested: How many of them it has now.
    """

    was: str | None
    store_id: str
    is_own: bool
    is_known: bool
    pending: int
    ingested: int = 0

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to be done."""
        return self.was == self.store_id and (self.is_own or not (self.pending or self.is_known))


def adopt(path: Path, data: Path | None, *, really: bool) -> Adopted:
    """Adopt a journal, or only say what that would do.

    Raises:
        NotFound: There is no journal, or no hub.
        Misconfigured: A hub runs on it, as its locks tell.
        StillLivesError: A hub runs on it elsewhere, as its reports tell.
    """
    if not (path / "journal.id").exists():
        msg = f"{path} is no journal; name the directory with journal.id in it"
        raise NotFound(msg)

    async def work(hub: Opened) -> Adopted:
        reader = JournalReader(path)
        try:
            return await _adopt(hub, path, reader, really=really)
        finally:
            reader.close()

    return with_hub(data, work)


async def _adopt(hub: Opened, path: Path, reader: JournalReader, *, really: bool) -> Adopted:
    store_id, era = await hub.store.read(lambda tx: (suspects.store_id(tx), restores.era(tx)))
    file = MarkFile(path)
    mark = file.read()
    is_own = _is_same(path, hub.settings.data / JOURNAL)
    report = await _last_report(hub, reader)
    pending = await emptying.left(hub, reader)
    found = Adopted(None if mark is None else mark.store_id, store_id, is_own, report is not None, pending)
    if not really:
        return found
    if is_own:
        # Its receiver may go on: it knows the journal alone.
        with schema.locked(hub.settings.data, "ingester"):
            _claim(file, mark, found, era)
        return found
    _refuse_living(report, hub.settings.waits.report_seconds * _REPORTS_MISSED)
    with emptying.alone(path, ("receiver", "ingester")), schema.locked(path, "adoption"):
        _claim(file, mark, found, era)
        with shown("ingesting", hub.clock) as told:
            ingested = await emptying.ingest(hub, path, told)
        await emptying.strike(hub, reader)
    return replace(found, ingested=ingested)


def _claim(file: MarkFile, mark: Mark | None, found: Adopted, era: restores.Era) -> None:
    if found.was == found.store_id:
        return
    # Its place stays: what the other database had already is doubtful here, so that nothing is said twice.
    claimed = Mark(store_id=found.store_id) if mark is None else mark.model_copy(update={"store_id": found.store_id})
    file.write(claimed.of(restores.Era(0, era.restored_at)))


def _is_same(path: Path, other: Path) -> bool:
    return path.resolve() == other.resolve()


async def _last_report(hub: Opened, reader: JournalReader) -> Report | None:
    known = await hub.store.read(journals.known)
    return next((one for one in known if one.journal == reader.journal_id), None)


def _refuse_living(report: Report | None, longest_seconds: float) -> None:
    if report is not None and report.silent_for.total_seconds() < longest_seconds:
        msg = f"the hub on {report.host} reported {report.silent_for.total_seconds():.0f} s ago that it ingests this "
        msg += f"journal; stop it there, or wait until it has been silent for {longest_seconds:.0f} s"
        raise StillLivesError(msg)
