"""A slice of the storm: repeated, mixed, late deliveries with failing handlers, a failing store, restarts."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from hub.pipeline.journal.segment import count, list_segments
from tests.reliability import storm_feed
from tests.reliability.storm import brew, storm
from tests.reliability.storm_feed import Feed

EVENTS = 3_000
KILLS = 2


@pytest.mark.feature("OP-05")
@pytest.mark.feature("OP-12")
@pytest.mark.feature("DE-02")
def test_a_storm_loses_nothing_doubles_nothing_keeps_order(tmp_path: Path) -> None:
    found = storm(tmp_path, 1, EVENTS, KILLS)

    assert found.problems == []
    assert found.events >= EVENTS
    assert found.kills == KILLS
    assert found.feed.copies > found.feed.messages / 3


def test_a_feed_keeps_order_within_a_conversation_while_copies_come_at_any_time() -> None:
    feed = Feed(3, 2_000, 40)
    order = list(feed._order(random.Random(3)))

    first = list(dict.fromkeys(order))
    assert len(first) == feed.messages
    for conversation in range(feed.conversations):
        numbers = [number for one, number in first if one == conversation]
        assert numbers == list(range(len(numbers)))
    assert len(order) - len(first) == feed.copies
    assert max(Counter(order).values()) == 5


def test_a_feed_becomes_about_as_many_events_as_asked_for() -> None:
    feed = brew(1, 1_000_000)

    assert 2 * feed.messages + 8 * feed.conversations >= 1_000_000


def test_a_feed_of_many_segments_writes_every_webhook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storm_feed, "SEGMENT", 7)
    feed = brew(5, 2_000)

    feed.write(tmp_path / "journal")

    written = sum(count(segment)[1] for segment in list_segments(tmp_path / "journal"))
    assert written == feed.bodies == sum(1 for _ in brew(5, 2_000)._bodies(0))
    assert written > 7
