"""A batch handles an event only in its place."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.pipeline.consumer import attempt
from hub.pipeline.consumer.attempt import Prepared
from hub.store import groups
from hub.store.transaction import Origin, UnitOfWork
from tests.contracts.event_bus.embedded import EmbeddedWorkshop
from tests.contracts.event_bus.ledger import Ledger


@pytest.fixture
async def workshop(tmp_path: Path) -> AsyncIterator[EmbeddedWorkshop]:
    place = EmbeddedWorkshop(tmp_path)
    await place.open(Ledger().handler, bus=False)
    await place.state(("a", 1), ("b", 1), ("a", 2), ("a", 3))
    yield place
    await place.close()


async def _line(workshop: EmbeddedWorkshop) -> list[Prepared]:
    consumer = workshop.consumers["ledger"]
    line, policies, _ = await workshop.store.read(consumer._next_of(["a", "b"], None))
    return await attempt.prepare_all(consumer.handler, line, policies)


async def _run(workshop: EmbeddedWorkshop, line: list[Prepared], **more: Any) -> list[int]:
    handler = workshop.consumers["ledger"].handler
    done = await workshop.store.transact(attempt.batch(handler, line, **more), name="ledger")
    return [one.position for one in done.handled]


async def _hold(workshop: EmbeddedWorkshop, key: str) -> None:
    def hold(unit: UnitOfWork) -> None:
        until = unit.now + timedelta(minutes=1)
        tx = unit.begin(Origin("", "ledger", "hub"))
        groups.hold(tx, "ledger", key, position=0, attempts=1, until=until, history=[])

    await workshop.store.transact(hold, name="hold")


async def test_events_stand_in_line_behind_what_precedes_them_in_their_key(workshop: EmbeddedWorkshop) -> None:
    line = await _line(workshop)

    assert [(one.event.partitionkey, one.position, one.after) for one in line] == [
        ("a", 1, None),
        ("b", 2, None),
        ("a", 3, 1),
        ("a", 4, 3),
    ]


async def test_an_event_whose_predecessor_is_missing_waits(workshop: EmbeddedWorkshop) -> None:
    first, other, second, third = await _line(workshop)

    assert await _run(workshop, [other, third]) == [2]
    assert await _run(workshop, [third, second]) == []
    assert await _run(workshop, [first, second, third]) == [1, 3, 4]


async def test_a_batch_that_is_handled_again_does_nothing(workshop: EmbeddedWorkshop) -> None:
    line = await _line(workshop)

    assert await _run(workshop, line) == [1, 2, 3, 4]
    for _ in range(3):
        assert await _run(workshop, line) == []
    assert await workshop.written() == {"a": [1, 2, 3], "b": [1]}


async def test_a_held_key_is_left_alone_unless_it_is_probed(workshop: EmbeddedWorkshop) -> None:
    await _hold(workshop, "a")
    line = await _line(workshop)
    held = Prepared(1, (await workshop.envelope("a", 1)), after=0)

    assert [one.event.partitionkey for one in line] == ["b"]
    assert await _run(workshop, [held]) == []
    assert await _run(workshop, [held], even_held=True) == [1]
