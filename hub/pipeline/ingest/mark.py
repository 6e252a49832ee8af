"""The word beside a journal that says which database has it, how far, since when after a back-up."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from hub.errors import JournalUnavailable
from hub.pipeline.effects.restored import declare
from hub.pipeline.journal import Cursor, JournalMismatch, JournalReader
from hub.pipeline.journal.segment import publish
from hub.ports import Store
from hub.store import deliveries, restores, suspects
from hub.store.restores import Era
from hub.telemetry import logger
from schemas.fields import Instant

log = logger("ingest")

FILE: Final = "ingested.json"
_SECTOR: Final = 512
"""What a disk writes whole or not at all, also when its power is cut."""


class Mark(BaseModel):
    """How far a database was when the mark was written: at least so far, maybe a little further.

    Attributes:
        segment: With row, item: how far it had this journal.
        position: Of its newest event, whichever journal or timer that came from.
        restored_at: When it was last found to have come out of a back-up.
    """

    model_config = ConfigDict(frozen=True)

    store_id: str
    journal: str = ""
    segment: int = 0
    row: int = 0
    item: int = 0
    position: int = 0
    restored_at: Instant | None = None

    def at(self, cursor: Cursor | None) -> Mark:
        """Return the mark moved to a cursor."""
        place = Cursor(0, "", 0) if cursor is None else cursor
        return self.model_copy(update={"segment": place.segment, "row": place.row, "item": place.item})

    def of(self, era: Era) -> Mark:
        """Return the mark for where the database stands."""
        return self.model_copy(update={"position": era.newest, "restored_at": era.restored_at})

    @property
    def era(self) -> Era:
        """Where the database stood."""
        return Era(self.position, self.restored_at)

    def is_ahead_of(self, cursor: Cursor | None) -> bool:
        """Tell whether the database knows less of the journal than it once did."""
        known = (0, 0, 0) if cursor is None else (cursor.segment, cursor.row, cursor.item)
        return (self.segment, self.row, self.item) > known

    def knows_more_than(self, era: Era, cursor: Cursor | None) -> bool:
        """Tell whether the database lost something since, of which nobody has said so yet."""
        return self.era.has_lost(era) or (self.is_ahead_of(cursor) and self.restored_at == era.restored_at)


@dataclass(slots=True)
class MarkFile:
    """The mark of one journal directory."""

    directory: Path
    _written: Mark | None = None

    def read(self) -> Mark | None:
        """Return the mark, None where there is none yet.

        One that a power cut left half written counts as none: it must not keep a hub from starting.
        """
        try:
            return Mark.model_validate_json((self.directory / FILE).read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError:
            log.warning("the mark beside the journal cannot be read; it is written anew", file=FILE)
            return None

    def write(self, mark: Mark) -> None:
        """Replace the mark, unless it says so already.

        A cursor that moved is written in place, within one sector: a power cut leaves the one before, or this one.
        Anything else is durable before this returns.

        Raises:
            JournalUnavailable: The disk does not take it now.
        """
        if mark == self._written:
            return
        path = self.directory / FILE
        content = mark.model_dump_json().encode().ljust(_SECTOR)
        try:
            if self._written is not None and _lasting(mark) == _lasting(self._written):
                _overwrite(path, content)
            else:
                draft = path.with_suffix(".draft")
                draft.write_bytes(content)
                publish(draft, path)
        except OSError as error:
            msg = f"the mark beside the journal cannot be written: {error}"
            raise JournalUnavailable(msg) from error
        self._written = mark


def _lasting(mark: Mark) -> Mark:
    return mark.at(None).model_copy(update={"position": 0})


def _overwrite(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.pwrite(descriptor, content, 0)
    finally:
        os.close(descriptor)


async def examine(reader: JournalReader, store: Store) -> Mark | None:
    """Hold the database against the mark beside the journal, before anything is ingested or sent.

    A database that knows less than the mark was restored from a back-up; that instant is kept in it for good, for every
    process that works on it, since what it lost may have been answered already.

    Returns:
        The mark as it is now, None while there is no journal.

    Raises:
        JournalMismatch: The journal belongs to another database.
        StoreUnavailable: The database cannot serve now.
    """
    journal = reader.journal_id
    if journal is None:
        return None
    file = MarkFile(reader.directory)
    # Before the look at the database: the mark of an ingester that goes on meanwhile is no sign of a back-up.
    before = file.read()
    store_id, row, era = await store.read(
        lambda tx: (suspects.store_id(tx), deliveries.cursor(tx, journal), restores.era(tx))
    )
    cursor = None if row is None else Cursor(row.segment, row.segment_id, row.row, row.item)
    mark = file.read()
    if mark is not None and mark.store_id != store_id:
        msg = f"this journal belongs to database {mark.store_id}, not to {store_id}; run hub journal adopt"
        raise JournalMismatch(msg)
    is_restored = before is not None and before.journal == journal and before.knows_more_than(era, cursor)
    if is_restored:
        await declare(store, era.restored_at)
        era = await store.read(restores.era)
    fresh = Mark(store_id=store_id, journal=journal).at(cursor).of(era)
    # An ingester at work keeps the mark itself, further on than was seen here.
    if fresh != mark and (mark is None or mark == before or is_restored):
        file.write(fresh)
    return fresh
