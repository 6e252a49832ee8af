"""A lane looks at what it may send, not at all that waits."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.domain.policies import Policies
from hub.pipeline.effects.settle import LONE_ORIGIN
from hub.store import effects
from hub.store.engine import open_engine
from hub.store.transaction import Transaction, UnitOfWork
from hub.store.types import to_microseconds
from tests.pipeline.effects.rig import PLACE, running
from tests.support.clock import MONDAY_MORNING
from tests.support.stores import migrated

WAITING = 100_000
CONVERSATIONS = 1_000
MOST_STEPS = 60_000
"""Of SQLite's machine; one look at each of the rows would take a million."""

INSERT = """
INSERT INTO effects (id, kind, connector, asset, key, reply_to, payload, state, attempts, not_before, useful_until,
    cause, requested_at, version)
VALUES (?, 'send_message', ?, ?, ?, '{"to":"1"}', '{"text":"hola","channel":"whatsapp"}', 'intent', 0, ?, ?, 'c', ?, 1)
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = migrated(tmp_path_factory.mktemp("backlog"))
    now = to_microseconds(MONDAY_MORNING)
    rows = ((f"ef{n}", *PLACE, f"cv{n % CONVERSATIONS}", now, now + 10**12, now) for n in range(WAITING))
    with closing(sqlite3.connect(path)) as connection:
        connection.executemany(INSERT, rows)
        connection.commit()
    return path


@pytest.fixture
def counted(path: Path) -> Iterator[Callable[[Callable[[Transaction], Any]], tuple[int, Any]]]:
    """Run a query; return how many steps SQLite took, with the result."""
    engine = open_engine(path)
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        ticks = [0]

        def tick() -> int:
            ticks[0] += 1
            return 0

        def run(query: Callable[[Transaction], Any]) -> tuple[int, Any]:
            unit = UnitOfWork(connection, MONDAY_MORNING, _no_policies)
            query(unit.begin(LONE_ORIGIN))
            ticks[0] = 0
            driver.set_progress_handler(tick, 100)
            found = query(unit.begin(LONE_ORIGIN))
            driver.set_progress_handler(None, 0)
            return ticks[0] * 100, found

        yield run
    engine.dispose()


def _no_policies(*_: object) -> Policies:
    raise AssertionError


Counted = Callable[[Callable[[Transaction], Any]], tuple[int, Any]]

LOOKS: list[Any] = [
    pytest.param(lambda tx: effects.ready(tx, *PLACE, 64), 64, id="ready"),
    pytest.param(lambda tx: effects.overdue(tx, *PLACE, 64), 0, id="overdue"),
    pytest.param(lambda tx: effects.under_way(tx, *PLACE), 0, id="under way"),
    pytest.param(effects.open_assets, 1, id="open assets"),
    pytest.param(lambda tx: effects.by_provider_ids(tx, *PLACE, ["wamid.1"]), 0, id="by provider id"),
]


@pytest.mark.parametrize(("look", "finds"), LOOKS)
def test_no_look_goes_over_all_that_waits(counted: Counted, look: Callable[[Transaction], Any], finds: int) -> None:
    steps, found = counted(look)

    assert len(found) == finds
    assert steps < MOST_STEPS


def test_nor_does_the_alarm(counted: Counted) -> None:
    steps, since = counted(lambda tx: effects.waiting_since(tx, *PLACE))

    assert since == MONDAY_MORNING
    assert steps < MOST_STEPS


def test_the_yardstick_bites(counted: Counted) -> None:
    steps, _ = counted(effects.counts)

    assert steps > 5 * MOST_STEPS


async def test_what_may_not_go_yet_costs_nothing_and_a_late_one_overtakes(tmp_path: Path, path: Path) -> None:
    async with running(tmp_path) as rig:
        for number in range(20):
            await rig.ask("hola", who=f"p{number}")
        later = rig.clock.now() + timedelta(hours=2)
        await rig.store.transact(
            lambda unit: unit.connection.exec_driver_sql(
                "UPDATE effects SET not_before = ?", (to_microseconds(later),)
            ),
            name="tests.hold",
        )
        await rig.ask("urgente", who="newcomer")

        await rig.turn(rig.lane())

        assert rig.sender.said == ["urgente"]
