"""Lets a storm break over a hub that is killed meanwhile: nothing lost, nothing double, nothing out of order."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.reliability.echo import PREFIX
from tests.reliability.lives import ForkedProcess, zygote
from tests.reliability.storm_feed import Feed
from tests.reliability.verdict import balance, followed, unsound
from tests.support.audit import Books

EVENTS_OF_A_MESSAGE: Final = 2
EVENTS_OF_A_CONVERSATION: Final = 8
_LINES_A_CONVERSATION: Final = 20
_SLOWEST_A_SECOND: Final = 50

_TEXTS: Final = (
    "SELECT json_extract(data, '$.text') FROM events WHERE type = 'hub.message.received.v1' ORDER BY position"
)
_ANSWERS: Final = "SELECT json_extract(payload, '$.text') FROM effects ORDER BY position"


@dataclass
class Storm:
    """What a storm was, with what it left.

    Attributes:
        problems: Every way in which the promise was broken.
    """

    feed: Feed
    events: int = 0
    kills: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)


def brew(seed: int, events: int) -> Feed:
    """Return a feed that becomes about so many rows of events."""
    conversations = max(1, events // (_LINES_A_CONVERSATION * EVENTS_OF_A_MESSAGE + EVENTS_OF_A_CONVERSATION))
    messages = -(-(events - EVENTS_OF_A_CONVERSATION * conversations) // EVENTS_OF_A_MESSAGE)
    return Feed(seed, messages, conversations)


def storm(directory: Path, seed: int, events: int, kills: int) -> Storm:
    """Work a storm off in lives of which so many are cut short."""
    data = directory / "data"
    directory.mkdir(parents=True, exist_ok=True)
    feed = brew(seed, events)
    feed.write(data / "journal")
    found = Storm(feed)
    chance = random.Random(seed)
    began = time.monotonic()
    for number in range(kills):
        life = _begin(data, seed + number)
        try:
            code = life.wait(chance.uniform(0.2, 0.5 + min(20.0, events / 10_000)))
        except TimeoutError:
            life.kill()
            code = life.wait()
            found.kills += 1
        if code != -9:
            break
    last = _begin(data, seed + kills)
    try:
        code = last.wait(60 + events / _SLOWEST_A_SECOND)
    finally:
        last.kill()
        log = (directory / "data.log").read_text(errors="replace")
    assert code == 0, f"the last life ended with {code}: {log[-2000:]}"
    found.seconds = time.monotonic() - began
    found.events = Books(data).count("events")
    found.problems += _problems(data, feed)
    return found


def _begin(data: Path, seed: int) -> ForkedProcess:
    wanted = {"data": str(data), "log": f"{data}.log", "environment": {}, "kill_at": "", "storm": seed}
    return ForkedProcess(zygote(), zygote().ask(start=wanted))


def _problems(data: Path, feed: Feed) -> Iterator[str]:
    yield from unsound(data)
    books = Books(data)
    yield from _in_order("heard", (str(text) for (text,) in books.rows(_TEXTS)), feed)
    answers = (str(text) for (text,) in books.rows(_ANSWERS))
    yield from _in_order("answered", (text.removeprefix(PREFIX) for text in answers if text.startswith(PREFIX)), feed)
    for table, wanted in (
        ("conversations", feed.conversations),
        ("cases", feed.conversations),
        ("tickets", feed.conversations),
        ("clocks", 2 * feed.conversations),
        ("effects", feed.conversations + feed.messages),
        ("dead_letters", 0),
    ):
        if (count := books.count(table)) != wanted:
            yield f"{count} {table}, there should be {wanted}"
    if loose := books.count("messages", "direction = 'in' AND case_id IS NULL"):
        yield f"{loose} messages joined no case"
    yield from followed(books)
    yield from balance(data)
    ((duplicates,),) = books.rows("SELECT sum(duplicate) FROM deliveries")
    if duplicates != feed.copies:
        yield f"{duplicates} duplicates were counted, {feed.copies} were sent"


def _in_order(what: str, texts: Iterator[str], feed: Feed) -> Iterator[str]:
    """Compare texts with what each conversation said: every number once, upwards."""
    reached = [0] * feed.conversations
    for line in texts:
        conversation, number = map(int, line.split())
        if number != reached[conversation]:
            yield f"{what}: {line} came where {reached[conversation]} was due"
        reached[conversation] = max(reached[conversation], number + 1)
    if sum(reached) != feed.messages:
        yield f"{what}: {sum(reached)} of {feed.messages} messages"


def figures(found: Storm, kills: int) -> dict[str, Any]:
    """Return what is kept of a storm."""
    feed = found.feed
    return {
        "what": "a journal full of mixed, repeated messages worked off by ingest with all groups, store with handlers "
        "failing, the process killed: lost, double, out of order",
        "engine": "embedded",
        "seed": feed.seed,
        "events": found.events,
        "messages": feed.messages,
        "copies": feed.copies,
        "webhooks": feed.bodies,
        "conversations": feed.conversations,
        "kills": found.kills,
        "wanted_kills": kills,
        "seconds": round(found.seconds),
        "events_per_second": round(found.events / found.seconds),
        "problems": found.problems[:20],
    }
