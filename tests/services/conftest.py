"""What the tests of services share."""

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import bindparam, select, text

from hub.ports import Store
from hub.store.events import envelope
from hub.store.tables import events
from hub.store.transaction import Origin, Transaction
from schemas.envelope import CloudEvent
from tests.support.clock import FakeClock
from tests.support.engines import ENGINES, a_store
from tests.support.replying import open_conversation

_EVENTS = select(events).where(events.c.type.like(bindparam("pattern"))).order_by(events.c.position)


class Desk:
    """A store with one conversation in it."""

    def __init__(self, store: Store, clock: FakeClock, conversation: str) -> None:
        """Begin."""
        self.store = store
        self.clock = clock
        self.conversation = conversation

    async def do(self, work: Callable[[Transaction], Any], *, cause: str = "ev_cause", actor: str = "hub:tests") -> Any:
        """Run something in a transaction of its own."""
        return await self.store.transact(lambda unit: work(unit.begin(Origin(cause, "tests", actor))), name="tests.do")

    async def events(self, type_: str = "%") -> list[CloudEvent[Any]]:
        """Return the events of a type, oldest first."""
        rows = await self.store.read(lambda tx: tx.all(_EVENTS, pattern=f"hub.{type_}.v1"))
        return [envelope(row) for row in rows]

    async def rows(self, sql: str, **params: Any) -> Sequence[Any]:
        """Return what a query finds."""
        return await self.store.read(lambda tx: tx.all(text(sql), **params))


@pytest.fixture(params=ENGINES)
async def desk(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    clock = FakeClock()
    async with a_store(request.param, tmp_path, clock) as store:
        yield Desk(store, clock, await open_conversation(store))
