"""Holds what many customers wrote against books, provider, topics, row by row: each once, in order, or visible."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from connectors.whatsapp.sandbox import LEDGER
from schemas import catalogue
from schemas.binary_mode import decode
from tests.kafka.subscriber import NOUNS
from tests.reliability.steady import read_line
from tests.support.kafka import KafkaPlace

assert catalogue.MODULES, "subscribers know every type"

_ENOUGH = 20
_STATED = "SELECT id, key, position FROM events WHERE type NOT LIKE 'hub.timer.%' ORDER BY position"
_HEARD = "SELECT key, data::json->>'text' FROM events WHERE type = 'hub.message.received.v1' ORDER BY position"
_PER_CUSTOMER = "SELECT count(*) FROM events WHERE type = %s GROUP BY key"
_DOUBTS = "SELECT data::json->>'reason', count(*) FROM events WHERE type = 'hub.reply.doubtful.v1' GROUP BY 1"
_EFFECTS = "SELECT state, count(*) FROM effects GROUP BY state"


@dataclass
class Verdict:
    """How often the promise was broken.

    Attributes:
        lost: Lines, tickets, replies, copies that are nowhere.
        double: What is there twice, be it at a phone; a subscriber's copy under an id that it knows is ``repeated``.
        out_of_order: Lines of a conversation, or copies of a topic with key, that came behind a later one.
        doubtful: Replies whose fate nobody knows, shown to a person.
        doubts: Why, with how often.
        problems: The first few breaches in words.
    """

    lost: int = 0
    double: int = 0
    out_of_order: int = 0
    doubtful: int = 0
    doubts: dict[str, int] = field(default_factory=dict)
    repeated: int = 0
    events: int = 0
    problems: list[str] = field(default_factory=list)

    def note(self, kind: str, what: str, times: int = 1) -> None:
        """Count a breach of a kind."""
        setattr(self, kind, getattr(self, kind) + times)
        if len(self.problems) < _ENOUGH:
            self.problems.append(f"{kind}: {what}")


def judge(url: str, accepted: Mapping[int, int], replies: Mapping[str, int], verdict: Verdict) -> None:
    """Hold a database against what was answered 2xx.

    Args:
        url: Of the database.
        accepted: How many lines of each customer were answered 2xx; they count from 0.
        replies: How often a provider took each effect.
        verdict: Is told.
    """
    heard: dict[int, list[int]] = {}
    for _, words in _rows(url, _HEARD):
        customer, line = read_line(words)
        heard.setdefault(customer, []).append(line)
    for customer, lines in accepted.items():
        found = heard.pop(customer, [])
        wanted = set(range(lines))
        if missing := wanted - set(found):
            verdict.note("lost", f"lines {sorted(missing)} of customer {customer}", len(missing))
        if len(found) > len(set(found)) or set(found) - wanted:
            verdict.note("double", f"customer {customer}, who wrote {lines} lines, was heard as {found}")
        if found != sorted(found):
            verdict.note("out_of_order", f"customer {customer} was heard as {found}")
    for customer in heard:
        verdict.note("double", f"customer {customer} was heard, yet never answered")
    _once_each(url, len(accepted), verdict)
    _calls(url, replies, verdict)


def _once_each(url: str, customers: int, verdict: Verdict) -> None:
    for type_, times in (("case.diagnosed", 1), ("ticket.opened", 1), ("clock.started", 2), ("reply.requested", 1)):
        counts = Counter(count for (count,) in _rows(url, _PER_CUSTOMER, f"hub.{type_}.v1"))
        missing = customers - counts.total()
        if missing > 0:
            verdict.note("lost", f"{type_} of {missing} conversations", missing)
        for count, conversations in counts.items():
            if count != times:
                kind = "lost" if count < times else "double"
                verdict.note(kind, f"{type_} {count} times in {conversations} conversations", conversations)


def _calls(url: str, replies: Mapping[str, int], verdict: Verdict) -> None:
    verdict.doubts = {str(reason): count for reason, count in _rows(url, _DOUBTS)}
    for state, count in _rows(url, _EFFECTS):
        if state == "unknown":
            verdict.doubtful = count
        elif state not in {"accepted", "confirmed"}:
            verdict.note("lost", f"{count} replies are left {state}", count)
    for effect, times in replies.items():
        if times > 1:
            verdict.note("double", f"reply {effect} was taken {times} times")
    sure = "SELECT id FROM effects WHERE state IN ('accepted', 'confirmed')"
    for (effect,) in _rows(url, sure):
        if effect not in replies:
            verdict.note("lost", f"reply {effect} counts as accepted, yet no phone received it")


async def judge_copies(url: str, kafka: KafkaPlace, verdict: Verdict) -> None:
    """Hold what subscribers were sent against the log: all of it, in order per topic with key."""
    place = {id_: position for id_, _, position in _rows(url, _STATED)}
    verdict.events = len(place)
    known: set[str] = set()
    last: dict[tuple[str, bytes], int] = {}
    async for record in _copies(kafka):
        id_ = decode(record.headers, record.value).id
        if id_ in known:
            verdict.repeated += 1
            continue
        known.add(id_)
        line = record.topic, record.key
        position = place.get(id_, -1)
        if position < last.get(line, 0):
            verdict.note("out_of_order", f"{id_} on {record.topic}")
        last[line] = position
    if missing := place.keys() - known:
        verdict.note("lost", f"{len(missing)} copies at subscribers, such as {min(missing)}", len(missing))


async def _copies(kafka: KafkaPlace) -> Any:
    async with kafka.reading(*NOUNS) as consumer:
        ends = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    yield record


def taken(provider: Path) -> Iterator[tuple[str, str, float]]:
    """Yield effect, phone, seconds since 1970 of each message that a provider took, as its ledger has them."""
    with (provider / LEDGER).open() as lines:
        for line in lines:
            entry = json.loads(line)
            if entry["kind"] == "send" and entry["taken"]:
                yield entry["effect"], entry["phone"], datetime.fromisoformat(entry["at"]).timestamp()


def _rows(url: str, sql: str, *params: object) -> Iterable[tuple[Any, ...]]:
    """Yield rows as they come, whatever their number."""
    with closing(psycopg.connect(url)) as connection, connection.cursor("rows") as cursor:
        cursor.itersize = 10_000
        cursor.execute(sql, params or None)
        yield from cursor
