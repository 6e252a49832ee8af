"""Records that nobody of us wrote are one dead letter a topic with hour, with their number."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from hub.errors import NotFound
from hub.pipeline import foreign
from hub.pipeline.redrive import Redriver
from hub.services import dead_letters
from tests.support.clock import FakeClock
from tests.support.stores import migrated_store


async def test_an_hour_of_foreign_records_is_one_letter(tmp_path: Path) -> None:
    clock = FakeClock()
    async with migrated_store(tmp_path, clock) as store:
        for count in (7, 5, 30):
            await store.transact(foreign.note("hub.log", count), name="test.foreign")
        clock.move(timedelta(hours=1))
        await store.transact(foreign.note("hub.log", 2), name="test.foreign")

        first, second = await store.read(dead_letters.listing)
        assert (first.reason, second.reason) == (
            "42 records speak of no event of ours",
            "2 records speak of no event of ours",
        )
        assert (first.scope, first.reason_class, first.owner) == ("record", "foreign", "operations")
        with pytest.raises(NotFound, match="discard it"):
            await Redriver(store, {}, {}).redrive(first.id, "staff:1")
