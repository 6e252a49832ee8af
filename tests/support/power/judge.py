"""Judges what a power cut left against what the hub had said by then."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hub.errors import JournalUnavailable
from hub.pipeline.ingest.mark import MarkFile
from hub.pipeline.journal import Cursor, Entry, JournalMismatch, JournalReader
from tests.support.power.tape import Answered, Called, Op

LOST: Final = "lost"
"""Answered 2xx, yet neither in the journal nor in the database."""

FORGOTTEN: Final = "forgotten"
"""A provider was called, yet the database would call again."""

BROKEN: Final = "broken"
"""The database, or the journal, is damaged or half written."""

_PAIRS: Final = (
    ("SELECT count(*) FROM messages WHERE direction = 'in'", "hub.message.received.v1"),
    ("SELECT count(*) FROM conversations", "hub.conversation.opened.v1"),
    ("SELECT count(*) FROM cases", "hub.case.opened.v1"),
    ("SELECT count(*) FROM tickets", "hub.ticket.opened.v1"),
    ("SELECT count(*) FROM clocks", "hub.clock.started.v1"),
    ("SELECT count(*) FROM effects", "hub.reply.requested.v1"),
)


@dataclass
class Witness:
    """What the outside knows for certain."""

    answered: Counter[bytes] = field(default_factory=Counter)
    called: Counter[str] = field(default_factory=Counter)

    def hear(self, op: Op) -> None:
        """Remember what was said, nothing else."""
        if isinstance(op, Answered) and op.body:
            self.answered[op.body] += 1
        elif isinstance(op, Called):
            self.called[op.effect] += 1


@dataclass(frozen=True, order=True)
class Problem:
    """One breach of the promise."""

    kind: str
    text: str


def judge(data: Path, witness: Witness) -> list[Problem]:
    """Return every way in which a disk breaks what was promised."""
    return sorted(_problems(data, witness))


def _problems(data: Path, witness: Witness) -> Iterator[Problem]:
    held: Counter[bytes] = Counter()
    cursor: Cursor | None = None
    newest = 0
    effects: dict[str, str] = {}
    reader = JournalReader(data / "journal")
    if (data / "hub.db").exists():
        try:
            with contextlib.closing(_connect(data / "hub.db")) as database:
                yield from _damage(database)
                if _rows(database, "SELECT 1 FROM sqlite_master WHERE name = 'deliveries'"):
                    yield from _halves(database)
                    held.update(body for (body,) in _rows(database, "SELECT body FROM deliveries"))
                    effects = dict(_rows(database, "SELECT id, state FROM effects"))
                    cursor = _cursor(database, reader.journal_id)
                    ((newest,),) = _rows(database, "SELECT coalesce(max(position), 0) FROM events")
        except sqlite3.Error as error:
            yield Problem(BROKEN, f"the database: {error}")
    try:
        held.update(entry.delivery.body for entry in _read_all(reader, cursor))
    except (JournalMismatch, JournalUnavailable) as error:
        yield Problem(BROKEN, f"the journal: {error}")
    mark = MarkFile(data / "journal").read()
    if mark is None and cursor is not None:
        yield Problem(BROKEN, "the mark beside the journal is gone: nobody would tell a database out of a back-up")
    if mark is not None and (mark.is_ahead_of(cursor) or mark.position > newest):
        yield Problem(BROKEN, f"the mark beside the journal is ahead of the database: {mark} {cursor} {newest}")
    for body, count in (witness.answered - held).items():
        yield Problem(LOST, f"answered 200, gone {count} times: {body[:300]!r}")
    for effect in witness.called:
        if effects.get(effect, "absent") in {"absent", "intent"}:
            yield Problem(FORGOTTEN, f"effect {effect} was called, the database says {effects.get(effect, 'absent')}")


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    # It is ours alone: nobody will cut it again.
    connection.execute("PRAGMA synchronous=OFF")
    return connection


def _damage(database: sqlite3.Connection) -> Iterator[Problem]:
    for check in ("integrity_check", "foreign_key_check"):
        found = _rows(database, f"PRAGMA {check}")
        if found not in ([("ok",)], []):
            yield Problem(BROKEN, f"{check}: {found[:5]}")


def _halves(database: sqlite3.Connection) -> Iterator[Problem]:
    stated = dict(_rows(database, "SELECT type, count(*) FROM events GROUP BY type"))
    for sql, type_ in _PAIRS:
        ((count,),) = _rows(database, sql)
        if count != stated.get(type_, 0):
            yield Problem(BROKEN, f"{sql}: {count}, yet {stated.get(type_, 0)} times {type_}")


def _cursor(database: sqlite3.Connection, journal: str | None) -> Cursor | None:
    found = database.execute(
        "SELECT segment, segment_id, row, item FROM journal_cursors WHERE journal = ?", (journal,)
    ).fetchone()
    return None if found is None else Cursor(*found)


def _read_all(reader: JournalReader, cursor: Cursor | None) -> Iterator[Entry]:
    try:
        while page := reader.read(cursor, rows=1000, size=2**40):
            yield from page
            cursor = page[-1].after
    finally:
        reader.close()


def _rows(database: sqlite3.Connection, sql: str) -> list[tuple[Any, ...]]:
    return database.execute(sql).fetchall()
