"""The cursor moves with what it speaks of, for one ingester alone."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest

from hub.errors import StoreUnavailable
from hub.pipeline.ingest.ingester import CursorMoved
from hub.pipeline.journal import JournalReader
from hub.settings import Limits
from hub.store.transaction import UnitOfWork
from tests.pipeline.ingest.rig import Rig
from tests.support.replying import until
from tests.support.unreliable_store import Fault, UnreliableStore, in_turn
from tests.support.webhooks import change, of_messages, text, webhook

DEADLINE_SECONDS = 20

T = TypeVar("T")


async def test_a_zombies_batch_rolls_back_whole(rig: Rig) -> None:
    zombie = rig.ingester()
    await rig.deliver(of_messages(text("wamid.1")))
    await rig.ingest(zombie)
    await rig.deliver(of_messages(text("wamid.2")))
    await rig.ingest()
    await rig.deliver(of_messages(text("wamid.3")))

    with pytest.raises(CursorMoved, match="another process"):
        await zombie.step()

    assert await rig.sums() == {"deliveries": 2, "items": 2, "published": 2}
    await rig.ingest()
    assert await rig.sums() == {"deliveries": 3, "items": 3, "published": 3}


async def test_two_first_ingesters_do_not_both_begin(rig: Rig) -> None:
    first, second = rig.ingester(), rig.ingester()
    await rig.deliver(of_messages(text("wamid.1")))
    await first._load()
    await second._load()

    await first.step()

    with pytest.raises(CursorMoved):
        await second.step()
    assert len(await rig.events("message.received")) == 1


async def test_a_zombie_that_runs_stops_with_an_alarm(rig: Rig) -> None:
    zombie = rig.ingester()
    await rig.deliver(of_messages(text("wamid.1")))
    await zombie._load()
    await rig.ingest()

    await asyncio.wait_for(zombie.run(), DEADLINE_SECONDS)

    assert zombie.alarm == "another process moved the cursor of this journal"


@pytest.mark.parametrize("fault", ["before", "after"])
async def test_a_database_that_fails_at_any_call_costs_nothing_and_doubles_nothing(rig: Rig, fault: Fault) -> None:
    store = UnreliableStore(rig.store)
    chance = random.Random(7)
    store.fault = lambda: fault if chance.random() < 0.3 else None
    ingester = rig.ingester(store)
    for number in range(8):
        await rig.deliver(of_messages(*(text(f"wamid.{number}.{item}") for item in range(40))))

    await _run_until(rig, ingester, items=320)

    assert await rig.sums() == {"deliveries": 8, "items": 320, "published": 320}
    ((ingested,),) = await rig.rows("SELECT ingested FROM journal_cursors")
    assert ingested == 8
    assert ingester.alarm is None


class Twice(UnreliableStore):
    """Runs what it committed once more, as after a commit whose answer was lost."""

    async def transact(self, fn: Callable[[UnitOfWork], T], *, name: str) -> T:
        await self.reliable.transact(fn, name=name)
        return await self.reliable.transact(fn, name=name)


async def test_a_batch_that_finds_its_own_token_is_done(rig: Rig) -> None:
    await rig.deliver(of_messages(text("wamid.1")), b"nonsense")
    await rig.ingest(rig.ingester(Twice(rig.store)))
    await rig.deliver(of_messages(text("wamid.2")))

    await rig.ingest(rig.ingester(Twice(rig.store)))

    assert await rig.sums() == {"deliveries": 3, "items": 2, "published": 2}
    assert [tuple(row) for row in await rig.rows("SELECT ingested FROM journal_cursors")] == [(3,)]


async def test_deliveries_wait_in_the_journal_while_the_database_is_away(rig: Rig) -> None:
    store = UnreliableStore(rig.store)
    store.fault = lambda: "before"
    ingester = rig.ingester(store)
    await rig.deliver(of_messages(text("wamid.1")))
    running = asyncio.create_task(ingester.run())
    with pytest.raises(StoreUnavailable):
        await rig.ingester(store).step()

    store.fault = lambda: None
    await _until(rig, 1)

    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert await rig.count("dead_letters") == 0


async def test_a_thousand_updates_are_ingested_in_parts(rig: Rig) -> None:
    body = webhook(*(change(messages=[text(f"wamid.{number}", f"n{number}")]) for number in range(1000)))
    ingester = rig.ingester()
    await rig.deliver(body, of_messages(text("wamid.after")))

    await rig.ingest(ingester)

    said = [event.data.text for event in await rig.events("message.received")]
    assert said == [*(f"n{number}" for number in range(1000)), "Hola"]
    assert await rig.sums() == {"deliveries": 2, "items": 1001, "published": 1001}
    assert await rig.count("deliveries", "state = 'ingested'") == 2


@pytest.mark.parametrize("crashes", [1, 3])
async def test_a_crash_between_parts_continues_where_it_was(rig: Rig, crashes: int) -> None:
    body = webhook(*(change(messages=[text(f"wamid.{number}", f"n{number}")]) for number in range(200)))
    await rig.deliver(body)
    for _ in range(crashes):
        store = UnreliableStore(rig.store)
        # Mark, cursor, then one part: whatever comes next never happens.
        store.fault = in_turn(None, None, None, then="before")
        with pytest.raises(StoreUnavailable):
            await rig.ingester(store).step()
    (halfway,) = await rig.rows("SELECT state, items, published FROM deliveries")
    assert halfway.state == "partial"
    assert 0 < halfway.items == halfway.published < 200

    await rig.ingest()
    await rig.take(body)

    assert [event.data.text for event in await rig.events("message.received")] == [f"n{n}" for n in range(200)]
    assert await rig.sums() == {"deliveries": 2, "items": 400, "published": 200, "duplicate": 200}
    assert await rig.count("deliveries", "state = 'ingested'") == 2


async def test_only_segments_wholly_ingested_long_ago_are_deleted(rig: Rig) -> None:
    # The times of files are the machine's.
    rig.clock._now = datetime.now(UTC)
    for number in range(3):
        await rig.deliver(of_messages(text(f"wamid.{number}")))
        rig.journal._rotate()
    not_ingested = await _segments_after_tidying(rig, keep_seconds=0)
    await rig.ingest()

    just_ingested = await _segments_after_tidying(rig, keep_seconds=3600)
    rig.clock.move(timedelta(hours=2))
    long_ago = await _segments_after_tidying(rig, keep_seconds=3600)

    assert not_ingested == just_ingested == [1, 2, 3, 4]
    assert long_ago == [3, 4]
    await rig.take(of_messages(text("wamid.later")))
    assert len(await rig.events("message.received")) == 4


async def _segments_after_tidying(rig: Rig, *, keep_seconds: float) -> list[int]:
    ingester = rig.ingester(limits=Limits(segment_keep_seconds=keep_seconds, disk_free_bytes=0))
    await ingester._load()
    await ingester._tidy()
    return [int(path.name[:8]) for path in sorted((rig.data / "journal").glob("*.segment"))]


async def test_a_journal_whose_segment_is_gone_stops_ingest_with_an_alarm(rig: Rig) -> None:
    await rig.take(of_messages(text("wamid.1")))
    for path in (rig.data / "journal").glob("*.segment*"):
        path.unlink()
    ingester = rig.ingester()

    await asyncio.wait_for(ingester.run(), DEADLINE_SECONDS)

    assert ingester.alarm is not None
    assert "gone" in ingester.alarm


async def test_a_journal_that_does_not_exist_yet_is_waited_for(
    tmp_path_factory: pytest.TempPathFactory, rig: Rig
) -> None:
    ingester = rig.ingester()
    ingester._reader = JournalReader(tmp_path_factory.mktemp("nothing"))

    assert await ingester.step() is False


async def _run_until(rig: Rig, ingester: object, *, items: int) -> None:
    running = asyncio.create_task(ingester.run())  # type: ignore[attr-defined]
    await _until(rig, items)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def _until(rig: Rig, items: int) -> None:
    async def all_in() -> bool:
        return (await rig.sums()).get("items", 0) >= items

    await until(all_in, f"{items} items were ingested")
