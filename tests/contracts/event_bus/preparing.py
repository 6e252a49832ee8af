"""What a handler prepares outside the transaction fits the rules inside it."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from sqlalchemy import insert, select

from hub.contracts import Ports
from hub.store.tables import policies
from hub.store.transaction import Origin, UnitOfWork
from tests.contracts.event_bus.ledger import Ledger
from tests.contracts.event_bus.workshop import Workshop


def newer_folios(unit: UnitOfWork) -> None:
    tx = unit.begin(Origin("", "test", "test"))
    newest = select(policies).where(policies.c.kind == "folios").order_by(policies.c.version.desc()).limit(1)
    row = tx.one(newest)
    assert row is not None
    again = {
        "kind": "folios",
        "version": row.version + 1,
        "body": row.body,
        "valid_from": row.valid_from,
        "author": "t",
    }
    tx.run(insert(policies), **again)
    tx.policies_changed()


class Preparing:
    """``prepare``, its place, its rules."""

    async def test_what_was_prepared_reaches_the_handler(self, workshop: Workshop) -> None:
        ledger = Ledger(prepare=lambda event, ports: (event.data.version * 10, threading.current_thread().name))
        await workshop.open(ledger.handler)

        await workshop.state(("a", 1), ("a", 2))
        await workshop.quiet()

        assert await workshop.written() == {"a": [1, 2]}
        assert [made[0] for made, _ in ledger.made] in ([10, 10, 20, 20], [10, 20, 10, 20])
        assert {made[1] for made, _ in ledger.made}.isdisjoint({"hub-write", threading.main_thread().name})

    async def test_rules_that_change_after_preparing_make_it_prepare_again(self, workshop: Workshop) -> None:
        loop = asyncio.get_running_loop()
        prepared: list[int] = []

        def prepare(_event: Any, ports: Ports) -> int:
            prepared.append(ports.policies.version)
            if len(prepared) == 1:
                change = workshop.store.transact(newer_folios, name="test.policy")
                asyncio.run_coroutine_threadsafe(change, loop).result(5)
            return ports.policies.version

        ledger = Ledger(prepare=prepare)
        await workshop.open(ledger.handler)

        await workshop.state(("a", 1))
        await workshop.quiet()

        assert await workshop.written() == {"a": [1]}
        assert len(prepared) == 2
        assert prepared[0] < prepared[1]
        assert all(made == inside for made, inside in ledger.made), "made with the rules of the transaction"
        assert await workshop.held() == []
