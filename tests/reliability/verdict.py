"""Judges what kills have left: each accepted item exactly once as effect, doubt or dead letter, in order."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hub import observation
from hub.bootstrap import JOURNAL
from hub.pipeline.journal import JournalReader
from hub.pipeline.journal.segment import list_segments
from hub.services import projections
from hub.store.sqlite import SqliteStore
from hub.system import SystemClock
from tests.reliability.echo import PREFIX, echoing
from tests.support.audit import Books, doubles

Entry = dict[str, Any]

# A group states what it concludes from its causes in the order of these, key by key.
_PASSED: Final = """
SELECT later.key, later.actor, cause.position, later.id FROM events AS later
JOIN events AS cause ON cause.id = later.causation AND cause.key = later.key
WHERE later.actor LIKE 'hub:%' AND later.actor NOT IN ('hub:effects', 'hub:timers') ORDER BY later.position
"""
_ECHOES: Final = """
SELECT conversation_id, text, id FROM messages WHERE direction = 'out' AND text LIKE ? ORDER BY position
"""
_REFUSED: Final = """
SELECT CAST(body AS TEXT), count(dead_letters.id) FROM deliveries
LEFT JOIN dead_letters ON dead_letters.item = deliveries.id
WHERE deliveries.state = 'refused' GROUP BY body
"""
DUE: Final = "name = 'resolution' AND warn_at < CAST(strftime('%s', 'now') AS INTEGER) * 1000000"
WARNED: Final = "type = 'hub.clock.warned.v1' AND json_extract(data, '$.name') = 'resolution'"
_ONCE_A_CONVERSATION: Final = {"case.opened": 1, "case.diagnosed": 1, "ticket.opened": 1, "clock.started": 2}


@dataclass(frozen=True)
class Evidence:
    """What is known of a run from outside the hub, with where its books are.

    Attributes:
        data: The data directory of a hub that is stopped.
        said: The lines of each phone in the order in which they were accepted.
        ledger: What the provider wrote down.
        refused: Webhooks that nobody can read.
        stranded: Effects that a kill caught between ``sending`` and their result.
    """

    data: Path
    said: Mapping[str, Sequence[str]]
    ledger: Sequence[Entry]
    refused: frozenset[str] = frozenset()
    stranded: frozenset[str] = frozenset()


@dataclass
class Verdict:
    """What was found.

    Attributes:
        problems: Every way in which the promise was broken, empty when it was kept.
        ends: How many accepted items ended in which way.
    """

    problems: list[str] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)


def judge(evidence: Evidence) -> Verdict:
    """Hold a stopped hub's books against what customers, provider, undertaker know."""
    verdict = Verdict(problems=list(unsound(evidence.data)))
    if not verdict.problems:
        books = Books(evidence.data)
        whatsapp = _Ledger(evidence.ledger)
        verdict.problems += _heard(evidence, books)
        verdict.problems += _worked(evidence, books)
        verdict.problems += doubles(books, whatsapp)
        verdict.problems += _answered(evidence, books, verdict.ends)
        verdict.problems += _doubted(evidence, books)
        verdict.problems += followed(books)
        verdict.problems += _refusals(evidence, books, verdict.ends)
        verdict.problems += balance(evidence.data)
    return verdict


class _Ledger:
    """A ledger that was read before."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries

    def ledger(self, **wanted: str) -> list[Entry]:
        return [one for one in self._entries if all(str(one.get(name)) == value for name, value in wanted.items())]


def unsound(data: Path) -> Iterable[str]:
    """Let SQLite check every page of every file."""
    for path in (data / "hub.db", *(segment.path for segment in list_segments(data / JOURNAL))):
        with closing(sqlite3.connect(path)) as connection:
            try:
                found = [row[0] for row in connection.execute("PRAGMA integrity_check")]
            except sqlite3.DatabaseError as error:
                found = [str(error)]
        if found != ["ok"]:
            yield f"{path.name} is damaged: {found[:3]}"


def _heard(evidence: Evidence, books: Books) -> Iterable[str]:
    """Compare what was said with the journal, with the messages, with what was made of them."""
    accepted = _journaled(evidence.data)
    heard: dict[str, list[str]] = defaultdict(list)
    keys: dict[str, str] = {}
    for key, data in books.events("message.received"):
        phone = data["text"].partition(" ")[0]
        heard[phone].append(data["text"])
        if keys.setdefault(phone, key) != key:
            yield f"{phone} has two conversations"
    for phone, lines in evidence.said.items():
        if accepted.get(phone, []) != list(lines):
            yield f"the journal has {accepted.get(phone)} of {phone}, who said {lines}"
        if heard.pop(phone, []) != list(lines):
            yield f"{phone} was not heard as said: {lines}"
    if heard:
        yield f"heard of nobody: {dict(heard)}"


def _worked(evidence: Evidence, books: Books) -> Iterable[str]:
    """See that each conversation has been taken care of once."""
    talked = sum(1 for lines in evidence.said.values() if lines)
    for table in ("contacts", "conversations", "cases", "tickets"):
        if books.count(table) != talked:
            yield f"{books.count(table)} {table} for {talked} customers"
    for type_, times in _ONCE_A_CONVERSATION.items():
        found = Counter(key for key, _ in books.events(type_))
        if set(found.values()) - {times} or len(found) != talked:
            yield f"{type_} of {talked} conversations: {sorted(found.values())}, each should have {times}"
    warned = Counter(data["clock_id"] for _, data in books.events("clock.warned") if data["name"] == "resolution")
    if set(warned.values()) - {1} or len(warned) != books.count("clocks", DUE):
        yield f"warnings of {books.count('clocks', DUE)} clocks: {sorted(warned.values())}"


def _answered(evidence: Evidence, books: Books, ends: Counter[str]) -> Iterable[str]:
    """Follow each line to the customer's phone."""
    states = {id_: (state, code) for id_, state, code in books.rows("SELECT id, state, code FROM effects")}
    order = {text: (phone, number) for phone, lines in evidence.said.items() for number, text in enumerate(lines)}
    asked: dict[str, list[str]] = defaultdict(list)
    for _, text, effect in books.rows(_ECHOES, f"{PREFIX}%"):
        line = text.removeprefix(PREFIX)
        asked[line].append(effect)
    for line in order:
        effects = asked.pop(line, [])
        if len(effects) != 1 or effects[0] not in states:
            yield f"«{line}» has {len(effects)} answers, {sum(one in states for one in effects)} of them effects"
            ends["lost" if not effects else "doubled"] += 1
            continue
        state, code = states[effects[0]]
        end = "effect seen" if state in {"accepted", "confirmed"} else str(code)
        if end not in {"effect seen", "doubtful"}:
            yield f"the answer to «{line}» ended as {end}"
        ends[end] += 1
    if asked:
        yield f"answers to nobody: {sorted(asked)}"
    shown: dict[str, list[int]] = defaultdict(list)
    for entry in evidence.ledger:
        line = str(entry.get("text", "")).removeprefix(PREFIX)
        if entry["kind"] == "send" and entry["taken"] and line in order:
            phone, number = order[line]
            shown[phone].append(number)
    for phone, numbers in shown.items():
        if numbers != sorted(numbers):
            yield f"{phone} was answered in the order {numbers}"


def _doubted(evidence: Evidence, books: Books) -> Iterable[str]:
    """Hold the doubtful effects against those whose call a kill cut off."""
    doubtful = {id_ for (id_,) in books.rows("SELECT id FROM effects WHERE state = 'unknown'")}
    if unexplained := doubtful - evidence.stranded:
        yield f"doubtful, yet no kill struck between sending and result: {sorted(unexplained)}"
    told = Counter(data["reply_id"] for _, data in books.events("reply.doubtful"))
    if silent := doubtful - set(told):
        yield f"doubtful, yet nobody was told: {sorted(silent)}"


def followed(books: Books) -> Iterable[str]:
    """Look whether any group passed over an event of a key to take a later one first."""
    reached: dict[tuple[str, str], int] = {}
    for key, actor, cause, id_ in books.rows(_PASSED):
        if cause < reached.get((key, actor), 0):
            yield f"{actor} concluded {id_} after what came later in {key}"
        reached[key, actor] = max(cause, reached.get((key, actor), 0))
    if dead := books.count("dead_letters", "scope = 'event'"):
        yield f"{dead} events were given up, none of which is bad"


def _refusals(evidence: Evidence, books: Books, ends: Counter[str]) -> Iterable[str]:
    """See that what nobody can read is one dead letter, however often it came."""
    bodies = {
        entry["body"] for entry in evidence.ledger if entry.get("webhook") in evidence.refused and "body" in entry
    }
    kept = set()
    for body, letters in books.rows(_REFUSED):
        kept.add(body)
        if letters != 1:
            yield f"the unreadable {body} has {letters} dead letters"
    if kept != bodies:
        yield f"unreadable deliveries: {len(bodies - kept)} lost, {len(kept - bodies)} never sent"
    ends["dead letter"] += len(kept & bodies)


def balance(data: Path) -> Iterable[str]:
    """Ask the hub's own account."""

    async def ask() -> tuple[str, ...]:
        store = SqliteStore(data / "hub.db", SystemClock(), projections=projections.ALL)
        async with store.running():
            found = await observation.balance(store, JournalReader(data / JOURNAL))
        rest = [f"{one.group} leaves {one.held + one.not_reached}" for one in found.groups if one.done != one.total]
        return (*found.broken, *rest)

    with echoing():
        return [f"hub balance: {line}" for line in asyncio.run(ask())]


def _journaled(data: Path) -> dict[str, list[str]]:
    """Return the lines of each phone in the order in which the journal took them, each once."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    reader = JournalReader(data / JOURNAL)
    for entry in reader.read(None, rows=1_000_000, size=2**30):
        body = json.loads(entry.delivery.body)
        for one in body["entry"] if isinstance(body["entry"], list) else ():
            for change in one["changes"]:
                for message in change["value"].get("messages", ()):
                    phone = message["text"]["body"].partition(" ")[0]
                    found[phone].setdefault(message["id"], message["text"]["body"])
    reader.close()
    return {phone: list(texts.values()) for phone, texts in found.items()}
