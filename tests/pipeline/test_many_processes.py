"""Several processes work on one PostgreSQL: none does twice, passes over or overtakes what another has in hand."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from hub.contracts import Accepted
from hub.pipeline.consumer import Consumer, join
from hub.ports import Store
from hub.services import projections
from hub.settings import Waits
from hub.store import events
from hub.store.tables import contacts, conversations, identities, messages, waiting_items
from hub.store.transaction import Origin, UnitOfWork
from schemas.messages import MessageReceived
from tests.contracts.event_bus.ledger import Ledger, asked, written
from tests.pipeline.ingest.rig import journaling
from tests.support.clock import FakeClock
from tests.support.postgres import a_database, running_postgres_store
from tests.support.replying import ask, attempt, open_conversation
from tests.support.webhooks import of_messages, of_statuses, status, text

pytestmark = pytest.mark.postgres

PROCESSES = 3


@pytest.fixture
async def stores() -> AsyncIterator[list[Store]]:
    """A store for each process, all of one database."""
    with a_database() as url:
        async with contextlib.AsyncExitStack() as stack:
            given: dict[str, Any] = {"projections": projections.ALL, "rehearse": False}
            yield [
                await stack.enter_async_context(running_postgres_store(url, FakeClock(), **given))
                for _ in range(PROCESSES)
            ]


async def test_workers_of_a_group_share_its_keys(stores: list[Store]) -> None:
    """All workers are told of every key at once, while events still come."""
    ledger, keys, count = Ledger(answers=False), ["a", "b", "c", "d"], 40
    await join(stores[0], [ledger.handler])
    workers = [Consumer(ledger.handler, store, FakeClock(), Waits()) for store in stores]
    for worker in workers:
        await worker.load()

    def state(number: int) -> Callable[[UnitOfWork], None]:
        def work(unit: UnitOfWork) -> None:
            tx = unit.begin(Origin(f"test-{number}", "test", "test"))
            for key in keys:
                tx.state(asked(number), key=key)

        return work

    async def state_all() -> None:
        for number in range(1, count + 1):
            await stores[0].transact(state(number), name="test.state")

    stating = asyncio.create_task(state_all())
    while not stating.done():
        await asyncio.gather(*(worker.work(keys) for worker in workers))
    await stating
    await asyncio.gather(*(worker.work(keys) for worker in workers))

    assert await stores[0].read(written) == {key: list(range(1, count + 1)) for key in keys}


async def test_journals_that_bring_the_same_people_make_each_once(stores: list[Store], tmp_path: Path) -> None:
    people, seed = [f"52155{number:08d}" for number in range(8)], random.Random(11)
    said = [(who, f"wamid.{who}.{number}") for number in range(10) for who in people]
    seed.shuffle(said)

    async with contextlib.AsyncExitStack() as stack:
        rigs = [
            await stack.enter_async_context(journaling(store, FakeClock(), tmp_path / str(seed), seed=seed))
            for seed, store in enumerate(stores)
        ]
        for number, (who, id_) in enumerate(said):
            # Every third delivery comes twice, by two doors.
            for rig in {rigs[number % PROCESSES], rigs[(number + number % 3) % PROCESSES]}:
                await rig.deliver(of_messages(text(id_, id_, sender=who)))
        await asyncio.gather(*(rig.ingest() for rig in rigs))

    heard = await stores[0].read(lambda tx: tx.all(select(messages)))
    assert sorted(row.provider_id for row in heard) == sorted(id_ for _, id_ in said)
    log = await stores[0].read(lambda tx: events.tail(tx, 0, 10_000))
    assert len([row for row in log if row.type == MessageReceived.TYPE]) == len(said)
    for table in (contacts, conversations, identities):
        assert len(await stores[0].read(lambda tx, t=table: tx.all(select(t)))) == len(people)  # type: ignore[misc]


async def test_a_status_finds_its_message_whoever_hears_first(stores: list[Store], tmp_path: Path) -> None:
    """The provider's answer names the message while a status of it comes in by another process."""
    conversation = await open_conversation(stores[0])
    asked_for = await ask(stores[0], conversation, *(f"n{number}" for number in range(30)))

    async with journaling(stores[1], FakeClock(), tmp_path) as rig:
        for effect_id in asked_for:
            await rig.deliver(of_statuses(status(f"wamid.{effect_id}", "delivered")))
            await asyncio.gather(
                attempt(stores[0], effect_id, Accepted(f"wamid.{effect_id}")),
                rig.ingest(),
            )

    assert await stores[2].read(lambda tx: tx.all(select(waiting_items))) == []
    states = {row.id: row.state for row in await stores[2].read(lambda tx: tx.all(select(messages)))}
    assert states == dict.fromkeys(asked_for, "delivered")
