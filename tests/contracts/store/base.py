"""Small tables, facts, helpers that the store's contract works with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import pytest
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from hub.ports import Store
from hub.store.tables import counters, events
from hub.store.transaction import Origin, Projection, Transaction, UnitOfWork
from schemas.envelope import CloudEvent
from schemas.operations import ChannelAlerted
from tests.support.clock import FakeClock

T = TypeVar("T")

_SET: Final = upsert(counters).values(name=bindparam("counter"), value=bindparam("number"))
SET: Final = _SET.on_conflict_do_update(index_elements=["name"], set_={"value": _SET.excluded.value})
ADD: Final = insert(counters).values(name=bindparam("counter"), value=bindparam("number"))
GET: Final = select(counters.c.value).where(counters.c.name == bindparam("counter"))
CHANGE: Final = update(counters).where(counters.c.name == bindparam("counter")).values(value=bindparam("number"))
LOG: Final = select(events).order_by(events.c.position)


def tx_of(unit: UnitOfWork, cause: str = "cause") -> Transaction:
    """Return the view of a transaction that one cause has."""
    return unit.begin(Origin(cause, "contract", "hub:contract"))


def value(tx: Transaction, counter: str) -> int | None:
    """Return a counter's value."""
    row = tx.one(GET, counter=counter)
    return None if row is None else int(row.value)


def put(counter: str, number: int) -> Callable[[UnitOfWork], None]:
    """Return the function that sets a counter."""

    def work(unit: UnitOfWork) -> None:
        tx_of(unit).run(SET, counter=counter, number=number)

    return work


def alert(text: str) -> ChannelAlerted:
    """Return a fact to state."""
    return ChannelAlerted(connector="test", asset="1", alert=text, explanation_es="")


def _count(tx: Transaction, event: CloudEvent[Any]) -> None:
    tx.run(SET, counter="alerts", number=(value(tx, "alerts") or 0) + 1)


PROJECTIONS: Final = (Projection("alerts", frozenset({ChannelAlerted.TYPE}), _count),)


class Contract:
    """Declares what an implementation's class must give."""

    @pytest.fixture
    def clock(self) -> FakeClock:
        """The clock that the store reads."""
        return FakeClock()

    @pytest.fixture
    def store(self) -> Store:
        """Return a running store of a fresh database."""
        raise NotImplementedError

    @staticmethod
    async def value(store: Store, counter: str) -> int | None:
        """Return a counter's value as anybody sees it."""
        return await store.read(lambda tx: value(tx, counter))

    @staticmethod
    async def log(store: Store) -> list[str]:
        """Return what was stated, oldest first."""
        rows = await store.read(lambda tx: tx.all(LOG))
        return [ChannelAlerted.model_validate_json(row.data).alert for row in rows]
