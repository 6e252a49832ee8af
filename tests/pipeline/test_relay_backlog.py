"""Where much waits for subscribers, the log tells how it goes."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from hub.pipeline import relay
from tests.pipeline.scripted_publisher import ScriptedPublisher
from tests.pipeline.test_relay import all_published, heard, publisher, relaying, state, store
from tests.support.unreliable_store import UnreliableStore

__all__ = ["publisher", "store"]


async def test_a_long_backlog_is_told_with_its_end(
    store: UnreliableStore, publisher: ScriptedPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where Kafka is new to an old database."""
    for name, value in {"_AT_ONCE": 4, "_BACKLOG": 20, "_PROGRESS_SECONDS": 0}.items():
        monkeypatch.setattr(relay, name, value)
    await state(store, *[("a", number) for number in range(1, 31)])
    with capture_logs() as logs:
        async with relaying(store, publisher):
            await all_published(store)
            await state(store, ("a", 31))
            await all_published(store)

    told = [(one["event"], one.get("events")) for one in logs if one["log_level"] == "info"]
    sent = "subscribers are sent what waits for them, the oldest first"
    assert told == [*((sent, left) for left in range(30, 3, -4)), ("subscribers have what had waited for them", None)]
    assert heard(publisher) == {"a": list(range(1, 32))}


async def test_what_is_no_backlog_is_not_told_of(store: UnreliableStore, publisher: ScriptedPublisher) -> None:
    await state(store, *[("a", number) for number in range(1, 601)])
    with capture_logs() as logs:
        async with relaying(store, publisher):
            await all_published(store)

    assert logs == []
