"""From the webhook to the customer's phone: once, in order, however often it is delivered or interrupted."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text as sql

from handlers.attend_conversation import HANDLER as ATTEND
from handlers.open_tickets import HANDLER as OPEN_TICKETS
from handlers.run_service_levels import HANDLER as RUN_CLOCKS
from hub.contracts import Accepted, Handler, OutboundCall, Outcome, Ports
from hub.pipeline.consumer import Consumer, join
from hub.services import replies
from hub.store.transaction import Origin, Transaction
from schemas.envelope import CloudEvent
from schemas.messages import MessageReceived
from tests.connectors.whatsapp import harness
from tests.pipeline.effects import rig as effects_rig
from tests.pipeline.effects.rig import Rig, working
from tests.pipeline.ingest import rig as ingest_rig
from tests.support.replying import until
from tests.support.unreliable_store import Fault, UnreliableStore
from tests.support.webhooks import of_messages, text

HANDLERS = (ATTEND, OPEN_TICKETS, RUN_CLOCKS)


async def groups(rig: Rig, handlers: Sequence[Handler] = HANDLERS) -> list[Consumer]:
    """Return the groups as a process that starts now has them."""
    await join(rig.store, handlers)
    consumers = [Consumer(handler, rig.store, rig.clock, rig.waits) for handler in handlers]
    for consumer in consumers:
        await consumer.load()
    return consumers


async def handle(rig: Rig, consumers: Sequence[Consumer]) -> None:
    """Let every group see every key, again."""
    keys = [row[0] for row in await rig.rows("SELECT DISTINCT key FROM events")]
    for consumer in consumers:
        await consumer.work(keys)


@pytest.fixture
async def provider(rig: Rig) -> AsyncIterator[harness.Rig]:
    async with harness.running() as provider:
        rig.sender = provider.sender()  # type: ignore[assignment]
        yield provider
        await rig.sender.close()


@pytest.mark.feature("OP-12")
async def test_ten_redeliveries_leave_one_ticket_one_event_one_reply(rig: Rig, provider: harness.Rig) -> None:
    """Also when each comes to another ingester, other groups, another worker."""
    body = of_messages(text("wamid.1", "Todas las facturas salen con errores"))
    async with ingest_rig.journaling(rig.store, rig.clock, rig.data) as ingest:
        for _ in range(10):
            await ingest.take(body)
            await handle(rig, await groups(rig))
            await rig.turn(rig.lane())

    sends = await provider.ledger("send")
    assert len(sends) == 1
    assert sends[0]["text"].startswith("Hola")
    counted = await rig.rows("SELECT type, count(*) FROM events GROUP BY type")
    times = {row[0].removeprefix("hub.").removesuffix(".v1"): row[1] for row in counted}
    assert times == {
        "message.received": 1,
        "contact.identified": 1,
        "conversation.opened": 1,
        "case.opened": 1,
        "case.diagnosed": 1,
        "reply.requested": 1,
        "reply.sent": 1,
        "ticket.opened": 1,
        "clock.started": 2,
    }
    assert [tuple(row) for row in await rig.rows("SELECT folio FROM tickets")] == [("T-1001",)]


def echo(event: CloudEvent[MessageReceived], tx: Transaction, _ports: Ports) -> None:
    """Answer with the customer's own words."""
    data = event.data
    replies.request(tx, data.conversation_id, data.text, intent="echo", useful_for=timedelta(days=1))


ECHO = Handler(group="echo", types=(MessageReceived,), handle=echo, owner="tests", start="beginning")


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from(["ana", "luis", "eva"]), min_size=1, max_size=14),
    st.integers(0, 2**32),
    st.sampled_from(["before", "after"]),
)
def test_order_holds_from_the_journal_to_the_call(
    tmp_path_factory: pytest.TempPathFactory, said: list[str], seed: int, fault: Fault
) -> None:
    """With calls that take their time, a database that fails at any moment, workers that come and go."""
    asyncio.run(_order(tmp_path_factory.mktemp("order"), said, random.Random(seed), fault))


PHONES = {"ana": "5212221234567", "luis": "5215587654321", "eva": "5215512345678"}


async def _order(path: Path, said: list[str], chance: random.Random, fault: Fault) -> None:
    words = [f"{who} {number}" for number, who in enumerate(said)]
    async with effects_rig.running(path) as rig:

        async def slowly(call: OutboundCall) -> Outcome:
            await asyncio.sleep(chance.random() * 0.01)
            return Accepted(f"wamid.{call.effect_id}")

        rig.sender.script = [slowly] * 100
        store = UnreliableStore(rig.store)
        store.fault = lambda: fault if chance.random() < 0.1 else None
        async with ingest_rig.journaling(rig.store, rig.clock, path) as ingest:
            for number, who in enumerate(said):
                await ingest.deliver(of_messages(text(f"wamid.{number}", words[number], sender=PHONES[who])))
            ingesting = asyncio.create_task(ingest.ingester(store).run())
            handling = asyncio.create_task(_handle_for_ever(rig))
            for life in (1, 2, 3):
                enough = len(said) * life // 3
                async with working(rig.worker(store)):
                    await until(lambda n=enough: len(rig.sender.calls) >= n, f"{enough} were sent")  # type: ignore[misc]
                await _let_go(rig)
            for task in (ingesting, handling):
                task.cancel()
            await asyncio.gather(ingesting, handling, return_exceptions=True)
    assert len(rig.sender.said) == len(words)
    for who in set(said):
        assert [word for word in rig.sender.said if word.startswith(who)] == [w for w in words if w.startswith(who)]


async def _let_go(rig: Rig) -> None:
    """Do as a person who sees that the phone got nothing: a stop may fall on a claim whose answer was lost."""
    await rig.store.transact(
        lambda unit: unit.begin(Origin("", "tests", "hub")).run(
            sql("UPDATE effects SET state = 'intent', not_before = requested_at WHERE state = 'sending'")
        ),
        name="tests.let_go",
    )


async def _handle_for_ever(rig: Rig) -> None:
    (consumer,) = await groups(rig, [ECHO])
    while True:
        await handle(rig, [consumer])
        await asyncio.sleep(0.005)
