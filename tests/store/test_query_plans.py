"""What runs at every look finds its rows by an index, however old the hub is."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from sqlalchemy.engine import Connection

from hub.store import deliveries, events, groups, prepared, timers
from hub.store.transaction import Transaction
from tests.support.stores import migrated, running_store

LOOKS: dict[str, Callable[[Transaction], object]] = {
    "the cursor of a journal": lambda tx: deliveries.cursor(tx, "j"),
    "known items": lambda tx: deliveries.known_ids(tx, ["a", "b"]),
    "what waits for a message": lambda tx: deliveries.waiting_for(tx, "whatsapp", "1", "m"),
    "due timers": lambda tx: timers.due(tx, 64),
    "the next timer": timers.next_due,
    "an event": lambda tx: events.get(tx, "e"),
    "what an event led to": lambda tx: events.caused_by(tx, "e"),
    "positions of keys": lambda tx: groups.positions(tx, "g", ["a", "b"]),
    "held keys": lambda tx: groups.held(tx, "g"),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
async def test_no_look_goes_over_a_whole_table(tmp_path: Path, look: Callable[[Transaction], object]) -> None:
    seen: list[tuple[str, tuple[object, ...]]] = []
    async with running_store(migrated(tmp_path)) as store:

        def watched(tx: Transaction) -> list[str]:
            connection = tx._unit.connection
            execute = prepared._execute

            def note(where: Connection, sql: str, values: Sequence[object]) -> object:
                seen.append((sql, tuple(values)))
                return execute(where, sql, values)

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(prepared, "_execute", note)
                look(tx)
            plans = [connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", params).all() for sql, params in seen]
            return [row[3] for plan in plans for row in plan]

        steps = await store.read(watched)

    assert steps
    assert [step for step in steps if step.startswith("SCAN") and not re.search("INDEX|CONSTANT", step)] == []
