"""The real handlers at work on a store, step by step, without bus or channel."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Table, select

from hub import discovery
from hub.contracts import Alias, Party
from hub.pipeline.consumer import Consumer, Upkeep, join
from hub.pipeline.timers import TimerWorker
from hub.ports import Store
from hub.services.contacts import People
from hub.services.conversations import Heard, Threads
from hub.settings import Waits
from hub.store import events
from hub.store.transaction import Origin, Transaction, UnitOfWork
from schemas import ids
from schemas.envelope import CloudEvent, EventData
from schemas.messages import MessageReceived, MessageUnsupported
from tests.support.clock import FakeClock

ANA = "+522221234567"
ASSET = "223450000000002"


class Desk:
    """Customers write, handlers answer, timers fire: each when the test says so."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        """Sit down at a store."""
        self.store = store
        self.clock = clock
        self.consumers: dict[str, Consumer] = {}
        self.upkeeps: list[Upkeep] = []
        self._numbers = itertools.count(1)

    async def open(self) -> Desk:
        """Let every discovered handler join."""
        handlers = discovery.handlers().values()
        await join(self.store, list(handlers))
        self.consumers = {h.group: Consumer(h, self.store, self.clock, Waits()) for h in handlers}
        for consumer in self.consumers.values():
            await consumer.load()
        self.upkeeps = [Upkeep(consumer) for consumer in self.consumers.values()]
        return self

    async def says(
        self,
        text: str,
        *,
        phone: str = ANA,
        name: str | None = "Ana Torres",
        at: datetime | None = None,
        unsupported: str | None = None,
        fields: Mapping[str, Any] | None = None,
    ) -> str:
        """Let a customer write, as ingest records it; return the event's id. ``fields`` say what is no plain text."""
        number = next(self._numbers)
        event_id = ids.item_event_id("/test", str(number))

        def record(unit: UnitOfWork) -> None:
            tx = unit.begin(Origin(event_id, "ingest", "customer"))
            party = Party((Alias("phone", phone),), {"to": phone}, name)
            message = _heard(tx, number, party, text, unsupported).model_copy(update=dict(fields or {}))
            conversation = message.conversation_id
            tx.state(message, key=conversation, subject=message.message_id, id=event_id, time=at or tx.now)

        await self.store.transact(record, name="test.says")
        return event_id

    async def settle(self) -> None:
        """Let the handlers do all there is to do now."""
        while sum([await upkeep.sweep() for upkeep in self.upkeeps]):
            pass

    async def time_comes(self, instant: datetime) -> None:
        """Move the clock to an instant, fire what is due, let the handlers answer."""
        self.clock.move(instant - self.clock.now())
        await TimerWorker(self.store, self.clock, Waits()).fire_due()
        await self.settle()

    async def stated(self, model: type[EventData]) -> list[CloudEvent[Any]]:
        """Return every event of a type, in order."""
        rows = await self.store.read(lambda tx: events.tail(tx, 0, 10_000))
        return [events.envelope(row) for row in rows if row.type == model.TYPE]

    async def rows(self, table: Table) -> Sequence[Any]:
        """Return every row of a table."""
        return await self.store.read(lambda tx: tx.all(select(table)))


def _heard(
    tx: Transaction, number: int, party: Party, text: str, unsupported: str | None
) -> MessageReceived | MessageUnsupported:
    people, threads = People(), Threads()
    people.look_up(tx, [party])
    contact, _ = people.resolve(tx, party)
    people.save(tx)
    threads.look_up(tx, [contact])
    conversation, opened = threads.find_or_open(
        tx,
        contact=contact,
        channel="whatsapp",
        connector="whatsapp",
        asset=ASSET,
        reply_to=dict(party.reply_to),
        heard=Heard(tx.now),
    )
    about: dict[str, Any] = {
        "message_id": f"ms_{number}",
        "conversation_id": conversation,
        "contact_id": contact,
        "channel": "whatsapp",
        "asset": ASSET,
        "provider_message_id": f"wamid.{number}",
    }
    threads.record(
        {
            "id": f"ms_{number}",
            "conversation_id": conversation,
            "case_id": None,
            "direction": "in",
            "connector": "whatsapp",
            "asset": ASSET,
            "provider_id": f"wamid.{number}",
            "kind": unsupported or "text",
            "text": text,
            "state": "received",
            "time": tx.now,
            "received_at": tx.now,
            "event_id": tx.origin.cause,
        }
    )
    threads.save(tx)
    if unsupported is not None:
        return MessageUnsupported(**about, provider_kind=unsupported, reason="not read yet")
    return MessageReceived(**about, kind="text", text=text, first_in_conversation=opened)
