"""The store's contract: a command is done once, with its trace."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from hub.errors import StaleVersion
from hub.ports import Store
from hub.services.commands import Command, IdReused, work
from hub.store.tables import audit
from hub.store.transaction import Transaction
from schemas import ids
from schemas.operations import ChannelAlerted
from tests.contracts.store.base import LOG, SET, Contract, alert, value


def raise_alarm(**more: Any) -> Command:
    """Return a command."""
    given = {"id": "c-1", "name": "raise_alarm", "actor": "staff:ana", "object": "channel:1", **more}
    return Command(**given)


class CommandContract(Contract):
    """The id is the idempotency key; a stale version is refused; the audit is the same transaction."""

    @staticmethod
    async def do(store: Store, command: Command, version: int = 1) -> object:
        """Carry out a command that counts itself."""

        def fn(tx: Transaction) -> dict[str, int]:
            command.check(version)
            times = (value(tx, "times") or 0) + 1
            tx.run(SET, counter="times", number=times)
            tx.state(alert(f"time {times}"), key="k")
            return {"times": times}

        return await store.transact(work(command, fn), name=command.name)

    async def test_a_repeated_id_gets_the_first_answer(self, store: Store) -> None:
        answers = await asyncio.gather(*(self.do(store, raise_alarm()) for _ in range(5)))

        assert answers == [{"times": 1}] * 5
        assert await self.log(store) == ["time 1"]
        assert await self.do(store, raise_alarm(id="c-2")) == {"times": 2}

    async def test_its_facts_derive_from_it(self, store: Store) -> None:
        await self.do(store, raise_alarm())

        (row,) = await store.read(lambda tx: tx.all(LOG))
        assert row.id == ids.derived_event_id("command/c-1", "raise_alarm", ChannelAlerted.TYPE, 0)
        assert row.actor == "staff:ana"

    async def test_the_audit_says_who_did_what(self, store: Store) -> None:
        await self.do(store, raise_alarm(expected_version=1, detail={"why": "no answers"}))
        await self.do(store, raise_alarm(expected_version=1))

        (row,) = await store.read(lambda tx: tx.all(select(audit)))
        assert (row.actor, row.action, row.object) == ("staff:ana", "raise_alarm", "channel:1")
        assert row.detail == {"why": "no answers", "command": "c-1", "expected_version": 1}

    async def test_a_stale_version_is_refused_without_a_trace(self, store: Store) -> None:
        with pytest.raises(StaleVersion, match="channel:1 was changed meanwhile"):
            await self.do(store, raise_alarm(expected_version=1), version=2)

        assert await store.read(lambda tx: tx.all(select(audit))) == []
        assert await self.log(store) == []
        assert await self.do(store, raise_alarm(expected_version=2), version=2) == {"times": 1}

    async def test_an_id_serves_one_command(self, store: Store) -> None:
        await self.do(store, raise_alarm())

        for other in ({"name": "end_alarm"}, {"actor": "staff:luis"}, {"object": "channel:2"}):
            with pytest.raises(IdReused, match="c-1"):
                await self.do(store, raise_alarm(**other))
        assert await self.log(store) == ["time 1"]
