"""The account of everything taken in: it adds up on a real hub, it tells when something is missing."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from hub import observation
from hub.services.balance import Balance, GroupBalance, ItemBalance
from hub.settings import Waits
from hub.telemetry import metrics
from tests.connectors import samples
from tests.support.embedded_hub import EmbeddedHub, embedded_hub, text_message
from tests.support.engines import database

__all__ = ["database"]

PHONE = "5212221234567"


@pytest.fixture
async def hub(tmp_path: Path, database: str | None) -> AsyncIterator[EmbeddedHub]:
    async with embedded_hub(tmp_path / "data", Waits(event_retry_seconds=(60,)), database=database) as running:
        yield running


async def said(hub: EmbeddedHub, *ids: str) -> None:
    for id_ in ids:
        await hub.deliver(text_message(PHONE, "No timbra", id_, int(time.time())))


async def account(hub: EmbeddedHub) -> Balance:
    assert hub.hub.store is not None
    return await observation.balance(hub.hub.store, hub.hub.reader)


async def worked_off(hub: EmbeddedHub, deliveries: int) -> None:
    await hub.until(lambda: hub.books.count("deliveries") == deliveries, "ingested")
    await hub.until(lambda: hub.books.count("clocks") == 2 * hub.books.count("tickets") > 0, "worked off")


async def test_an_empty_hub_adds_up(hub: EmbeddedHub) -> None:
    found = await account(hub)

    assert found.broken == ()
    assert found.items == ItemBalance(0, 0, 0, 0, 0, 0, 0)


async def test_every_way_an_item_can_go_is_counted(hub: EmbeddedHub) -> None:
    await said(hub, "wamid.1", "wamid.1", "wamid.2")
    for _, path in samples.recorded():
        assert await hub.push(path.read_bytes()) == 200
    await worked_off(hub, 3 + len(list(samples.recorded())))

    found = await account(hub)

    assert found.broken == ()
    assert found.journal is not None
    assert (found.journal.journaled, found.journal.pending) == (found.items.deliveries, 0)
    assert min(found.items.published, found.items.ignored, found.items.duplicate) > 0
    assert min(found.items.quarantined, found.items.waiting) > 0


async def test_every_event_of_a_group_is_done_dead_held_or_not_reached(
    hub: EmbeddedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    await said(hub, "wamid.1")
    await worked_off(hub, 1)

    def refuse(*_: object) -> None:
        msg = "not today"
        raise ValueError(msg)

    monkeypatch.setattr("hub.services.tickets.open_for", refuse)
    await hub.deliver(text_message("5215511111111", "Otro", "wamid.2", int(time.time())))
    await hub.until(lambda: hub.books.count("group_keys", "held_until IS NOT NULL") == 1, "held")

    found = {one.group: one for one in (await account(hub)).groups}

    assert found["open-tickets"] == GroupBalance("open-tickets", total=2, done=1, dead=0, held=1, not_reached=0)
    assert found["attend-conversation"].done == 2


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        ("DELETE FROM events WHERE type = 'hub.message.received.v1'", "publicados: las entregas dicen 1, pero hay 0"),
        ("UPDATE deliveries SET published = 0", "no suman"),
        ("UPDATE deliveries SET published = 0, waiting = 1", "en espera"),
        ("UPDATE deliveries SET published = 0, quarantined = 1", "en cuarentena"),
        ("UPDATE journal_cursors SET ingested = 7", "Bitácora: se aceptaron 1 entregas"),
        ("UPDATE group_keys SET position = 0 WHERE \"group\" = 'open-tickets'", "detrás de su marca de avance"),
    ],
)
async def test_what_is_missing_breaks_it(hub: EmbeddedHub, database: str | None, harm: str, words: str) -> None:
    await said(hub, "wamid.1")
    await worked_off(hub, 1)
    path = hub.hub.settings.data / "hub.db"
    where = f"sqlite:///{path}" if database is None else database.replace("postgresql:", "postgresql+psycopg:")
    engine = create_engine(where)
    with engine.begin() as connection:
        connection.execute(text("UPDATE groups SET floor = (SELECT max(position) FROM events)"))
        connection.execute(text(harm))
    engine.dispose()

    found = await account(hub)

    assert words in " ".join(found.broken)


async def test_the_gauges_show_what_waits(hub: EmbeddedHub, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        msg = "not today"
        raise ValueError(msg)

    monkeypatch.setattr("hub.services.tickets.open_for", refuse)
    await hub.push(b"no JSON")
    await said(hub, "wamid.1")
    await hub.until(lambda: hub.books.count("group_keys", "held_until IS NOT NULL") == 1, "held")
    await hub.until(lambda: hub.books.count("dead_letters") == 1, "dead")

    assert hub.hub.store is not None
    found = await observation.show(hub.hub.store, hub.hub.reader, hub.hub.clock)

    assert (found.pending, found.backlog.dead_letters) == (0, 1)
    assert metrics.open_dead._value.get() == 1
    assert metrics.held.labels("open-tickets")._value.get() == 1
    assert metrics.lag.labels("open-tickets")._value.get() == 0
    assert metrics.oldest.labels("open-tickets")._value.get() > 0
    assert metrics.journal_pending._value.get() == 0
