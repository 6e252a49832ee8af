"""What is delivered ten times has its effect once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hub.contracts import Accepted, AssetRoute, OutboundCall, Outcome
from hub.pipeline.consumer import attempt
from hub.pipeline.effects import EffectWorker
from hub.settings import Waits
from hub.store import events
from hub.store.events import Follower
from hub.store.tables import cases, clocks, effects, tickets, timers
from schemas.conversations import CaseDiagnosed
from schemas.replies import ReplyRequested
from schemas.tickets import ClockStarted, TicketOpened
from tests.contracts.event_bus.workshop import eventually
from tests.support.clock import FakeClock
from tests.support.desk import ASSET, Desk
from tests.support.engines import ENGINES, a_store


class Postbox:
    """A provider that takes everything."""

    def __init__(self) -> None:
        """Be empty."""
        self.taken: list[str] = []

    async def send(self, call: OutboundCall) -> Outcome:
        """Take it."""
        self.taken.append(call.effect_id)
        return Accepted(f"taken-{len(self.taken)}")

    async def close(self) -> None:
        """Do nothing."""


async def _redeliver(desk: Desk) -> None:
    """Hand every event to every group once more: by notice, then as a batch that was read before it was done."""
    rows = await desk.store.read(lambda tx: events.tail(tx, 0, 1000))
    policies = await desk.store.read(lambda tx: tx.policies)
    keys = sorted({row.key for row in rows})
    for consumer in desk.consumers.values():
        await consumer.work(keys)
        handler = consumer.handler
        unread = Follower(handler.group + "-twin", handler.type_names, 0, 0)
        late = await desk.store.read(lambda tx, f=unread: events.pending(tx, f, keys, until=2**62, limit=1000))  # type: ignore[misc]
        line = await attempt.prepare_all(handler, attempt.in_line(late), policies)
        await desk.store.transact(attempt.batch(handler, line), name=handler.group)


@pytest.mark.feature("OP-12")
@pytest.mark.parametrize("engine", ENGINES)
async def test_ten_redeliveries_leave_one_ticket_one_event_one_mail(tmp_path: Path, engine: str) -> None:
    clock, postbox = FakeClock(), Postbox()
    async with a_store(engine, tmp_path, clock) as store:
        desk = await Desk(store, clock).open()
        route = {("whatsapp", ASSET): AssetRoute("main", postbox, "breaker")}
        worker = EffectWorker(store, route, clock, Waits(), holder="holder")
        sending = asyncio.create_task(worker.run())

        await desk.says("No puedo timbrar")
        for _ in range(10):
            await asyncio.gather(_redeliver(desk), desk.settle(), _redeliver(desk))

        async def sent() -> bool:
            return bool(postbox.taken) and all(row.state == "accepted" for row in await desk.rows(effects))

        await eventually(sent, "the greeting has left")
        await _redeliver(desk)
        await worker.stop()
        await sending
        for table, count in ((tickets, 1), (cases, 1), (clocks, 2), (effects, 1), (timers, 5)):
            assert len(await desk.rows(table)) == count, table.name
        for model, count in ((TicketOpened, 1), (CaseDiagnosed, 1), (ReplyRequested, 1), (ClockStarted, 2)):
            assert len(await desk.stated(model)) == count, model.TYPE
        assert len(postbox.taken) == 1
