"""The mark beside a journal tells a foreign or a restored database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from hub.pipeline.ingest import examine
from hub.pipeline.ingest.mark import FILE, Mark, MarkFile
from hub.pipeline.journal import JournalMismatch, JournalReader
from hub.store.transaction import Transaction
from tests.pipeline.ingest.rig import Rig
from tests.support.replying import until
from tests.support.stores import STORE_ID, migrated_store
from tests.support.unreliable_store import UnreliableStore
from tests.support.webhooks import of_messages, text

T = TypeVar("T")


def mark_of(rig: Rig) -> Mark:
    return Mark.model_validate_json((rig.data / "journal" / FILE).read_bytes())


async def test_the_mark_follows_the_cursor(rig: Rig) -> None:
    await rig.take(of_messages(text("wamid.1")), of_messages(text("wamid.2")))

    mark = mark_of(rig)

    assert (mark.store_id, mark.segment, mark.row, mark.restored_at) == (STORE_ID, 1, 2, None)


async def test_a_moved_cursor_is_written_in_place_within_a_sector(rig: Rig) -> None:
    """A mark that is renamed over the last one without a sync would be empty after a power cut."""
    path = rig.data / "journal" / FILE
    await rig.take(of_messages(text("wamid.1")))
    file, mark = MarkFile(path.parent), mark_of(rig)
    file.write(mark)
    before = path.stat()

    file.write(mark.model_copy(update={"row": 7}))

    assert (path.stat().st_ino, path.stat().st_size) == (before.st_ino, 512)
    assert mark_of(rig).row == 7


async def test_a_mark_that_cannot_be_written_is_an_alarm_until_it_can(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    await rig.deliver(of_messages(text("wamid.1")))
    ingester = rig.ingester()
    with monkeypatch.context() as full:
        full.setattr("hub.pipeline.ingest.mark._overwrite", refuse)
        full.setattr("hub.pipeline.ingest.mark.publish", refuse)
        task = asyncio.create_task(ingester.run())
        await until(lambda: "No space left" in (ingester.alarm or ""), "the alarm")
    await until(lambda: ingester.alarm is None, "the end of the alarm")
    task.cancel()

    assert len(await rig.events("message.received")) == 1


async def test_a_foreign_database_is_refused(rig: Rig) -> None:
    await rig.take(of_messages(text("wamid.1")))
    (rig.data / "journal" / FILE).write_text(json.dumps({"store_id": "another"}))
    await rig.deliver(of_messages(text("wamid.2")))
    ingester = rig.ingester()

    await asyncio.wait_for(ingester.run(), 20)

    assert ingester.alarm is not None
    assert "hub journal adopt" in ingester.alarm
    assert len(await rig.events("message.received")) == 1


async def test_a_mark_that_a_power_cut_emptied_does_not_stop_the_hub(rig: Rig) -> None:
    await rig.take(of_messages(text("wamid.1")))
    (rig.data / "journal" / FILE).write_bytes(b"")

    await rig.take(of_messages(text("wamid.2")))

    assert (mark_of(rig).store_id, mark_of(rig).row) == (STORE_ID, 2)


async def test_an_adopted_journal_is_taken_without_alarm(rig: Rig) -> None:
    await rig.deliver(of_messages(text("wamid.1")))
    (rig.data / "journal" / FILE).write_text(json.dumps({"store_id": STORE_ID}))

    await rig.ingest()

    assert mark_of(rig).restored_at is None


async def test_a_database_behind_the_mark_came_out_of_a_backup(rig: Rig, tmp_path: Path) -> None:
    await rig.take(of_messages(text("wamid.1")), of_messages(text("wamid.2")))
    reader = JournalReader(rig.data / "journal")
    async with migrated_store(tmp_path / "restored", rig.clock) as restored:
        mark = await examine(reader, restored)
        again = await examine(reader, restored)
        rig.store = restored
        await rig.ingest()
        caught_up = await examine(reader, restored)

        assert mark is not None
        assert mark.restored_at == rig.clock.now()
        assert again == mark
        assert caught_up is not None
        assert caught_up.restored_at == mark.restored_at
        assert caught_up.row == 2
        assert len(await rig.events("message.received")) == 2


async def test_another_journal_in_the_same_place_is_no_restored_database(rig: Rig) -> None:
    await rig.take(of_messages(text("wamid.1")))
    (rig.data / "journal" / "journal.id").write_text("another journal")

    mark = await examine(JournalReader(rig.data / "journal"), rig.store)

    assert mark is not None
    assert mark.restored_at is None


async def test_the_mark_of_another_database_is_said_before_anything_is_sent(rig: Rig) -> None:
    (rig.data / "journal" / FILE).write_text(json.dumps({"store_id": "another"}))

    with pytest.raises(JournalMismatch, match="belongs to database another"):
        await examine(JournalReader(rig.data / "journal"), rig.store)


class Overtaken(UnreliableStore):
    """A store on which an ingester goes on right after each look."""

    meanwhile: Callable[[], Awaitable[object]]

    async def read(self, fn: Callable[[Transaction], T]) -> T:
        found = await super().read(fn)
        await self.meanwhile()
        return found


async def test_an_ingester_that_goes_on_during_the_look_is_no_restored_database(rig: Rig) -> None:
    await rig.take(of_messages(text("wamid.1")))
    store = Overtaken(rig.store)
    store.meanwhile = lambda: rig.take(of_messages(text("wamid.2")))

    mark = await examine(JournalReader(rig.data / "journal"), store)

    assert mark is not None
    assert mark.restored_at is None
    assert (mark_of(rig).row, mark_of(rig).restored_at) == (2, None)
