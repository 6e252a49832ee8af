"""A replay tells what would happen, with nothing of it happening."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy import text as sql_text

from hub import discovery
from hub.contracts import AssetRoute, Handler, Ports
from hub.errors import NotFound, StoreUnavailable
from hub.pipeline.effects import EffectWorker
from hub.pipeline.replay import Replayed, replay
from hub.ports import Commit, Store
from hub.settings import Waits
from hub.store import effects, events, timers
from hub.store.sqlite import SqliteStore
from hub.store.tables import metadata
from hub.store.transaction import Transaction
from schemas.conversations import CaseDiagnosed
from schemas.envelope import CloudEvent
from schemas.messages import MessageReceived
from tests.contracts.event_bus.workshop import eventually
from tests.pipeline.test_redelivery import Postbox
from tests.support.clock import FakeClock
from tests.support.desk import ASSET, Desk
from tests.support.engines import ENGINES, a_store
from tests.support.unreliable_store import Fault, UnreliableStore

HANDLERS = discovery.handlers()


@pytest.fixture(params=ENGINES)
async def desk(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    clock = FakeClock()
    async with a_store(request.param, tmp_path, clock) as store:
        yield await Desk(store, clock).open()


async def _contents(store: Store) -> dict[str, list[str]]:
    """Return every row of every table.

    SQLite's own table of numbers given out is looked at, too; on PostgreSQL a number that was undone stays unused.
    """

    def read(tx: Transaction) -> dict[str, list[str]]:
        found = {table.name: sorted(map(repr, tx.all(select(table)))) for table in metadata.sorted_tables}
        if isinstance(store, SqliteStore):
            found["sqlite_sequence"] = sorted(map(repr, tx.all(sql_text("SELECT name, seq FROM sqlite_sequence"))))
        return found

    return await store.read(read)


@pytest.mark.feature("OP-13")
@pytest.mark.parametrize("handled", [False, True], ids=["before", "after"])
async def test_a_replay_of_every_handler_leaves_no_trace_and_nothing_leaves(
    desk: Desk, tmp_path: Path, *, handled: bool
) -> None:
    postbox = Postbox()
    commits: list[Commit] = []
    heard = await desk.says("No puedo timbrar")
    if handled:
        await desk.settle()
        await desk.time_comes(desk.clock.now())
    desk.store.on_commit(commits.append)
    route = {("whatsapp", ASSET): AssetRoute("main", postbox, "breaker")}
    worker = EffectWorker(desk.store, route, desk.clock, Waits(), holder="holder")
    all_events = await desk.store.read(lambda tx: events.tail(tx, 0, 1000))
    before = await _contents(desk.store)

    reports: list[Replayed] = []
    for handler in HANDLERS.values():
        mine = [row.id for row in all_events if row.type in handler.type_names]
        reports += await replay(desk.store, handler, mine)
    after = await _contents(desk.store)
    sending = asyncio.create_task(worker.run())

    async def taken() -> bool:
        return len(postbox.taken) == int(handled)

    await eventually(taken, "what really happened has left")
    await asyncio.sleep(0.1)
    await worker.stop()
    await sending

    assert after == before
    said = [commit for commit in commits if commit.notices or commit.signals & {"effects", "timers", "groups"}]
    assert said == [] or handled, "nobody was woken"
    assert len(postbox.taken) == int(handled), "only what really happened left"
    assert any(report.stated for report in reports if report.event_id == heard) is not handled


@pytest.mark.feature("OP-13")
async def test_a_handler_that_asks_for_everything_gets_nothing_out(desk: Desk, tmp_path: Path) -> None:
    def ask(event: CloudEvent[Any], tx: Transaction, _ports: Ports) -> None:
        tx.state(event.data, key="elsewhere")
        timers.arm(tx, "soon", tx.now, key="elsewhere")
        call = {"id": "ef_1", "kind": "send_message", "connector": "whatsapp", "asset": ASSET, "key": "elsewhere"}
        effects.request(tx, {**call, "reply_to": {}, "payload": {}, "useful_until": tx.now})

    heard = await desk.says("No puedo timbrar")
    greedy = Handler(group="ask-for-everything", types=(MessageReceived,), handle=ask, owner="support")
    commits: list[Commit] = []
    desk.store.on_commit(commits.append)
    before = await _contents(desk.store)

    (report,) = await replay(desk.store, greedy, [heard])

    assert [type_ for type_, _ in report.stated] == [MessageReceived.TYPE]
    assert await _contents(desk.store) == before
    assert [commit for commit in commits if commit.notices or commit.signals - {"elsewhere"}] == []


async def test_what_was_never_handled_is_all_new(desk: Desk) -> None:
    heard = await desk.says("No puedo timbrar")

    (report,) = await replay(desk.store, HANDLERS["attend-conversation"], [heard])
    await desk.settle()

    (diagnosed,) = await desk.stated(CaseDiagnosed)
    assert diagnosed.id in report.new
    assert (diagnosed.type, diagnosed.data.model_dump_json()) in report.stated
    assert (report.missing, report.changed, report.error) == ((), (), None)


async def test_what_would_no_longer_be_stated_or_would_say_something_else_is_named(desk: Desk) -> None:
    heard = await desk.says("No puedo timbrar")
    wording = ["then", "then"]

    def say(event: CloudEvent[Any], tx: Transaction, _ports: Ports) -> None:
        for text in wording:
            tx.state(event.data.model_copy(update={"text": text}), key="test")

    handler = Handler(group="say-it-again", types=(MessageReceived,), handle=say, owner="support")
    from hub.pipeline.consumer import attempt

    row = await desk.store.read(lambda tx: events.get(tx, heard))
    assert row is not None
    policies = await desk.store.read(lambda tx: tx.policies)
    first = attempt.prepare(handler, row, policies)
    await desk.store.transact(lambda unit: attempt.handle_one(handler, unit, first), name="test")

    (same,) = await replay(desk.store, handler, [heard])
    assert (same.new, same.missing, same.changed) == ((), (), ())

    wording[:] = ["now"]
    (report,) = await replay(desk.store, handler, [heard])
    assert (len(report.new), len(report.missing), len(report.changed)) == (0, 1, 1)


async def test_how_it_would_fail_is_told(desk: Desk) -> None:
    heard = await desk.says("No puedo timbrar")

    def fail(*_: object) -> None:
        raise SystemExit

    (report,) = await replay(
        desk.store, Handler(group="fail", types=(MessageReceived,), handle=fail, owner="support"), [heard]
    )

    assert report.error == "Escaped: the handler raised SystemExit"


async def test_an_event_that_is_not_kept_cannot_be_replayed(desk: Desk) -> None:
    with pytest.raises(NotFound, match="ev_gone is not kept"):
        await replay(desk.store, HANDLERS["open-tickets"], ["ev_gone"])


async def test_an_absent_database_is_no_failure_of_the_handler(desk: Desk) -> None:
    heard = await desk.says("No puedo timbrar")
    store = UnreliableStore(desk.store)
    faults: Iterator[Fault] = iter([None, "before"])
    store.fault = lambda: next(faults)

    with pytest.raises(StoreUnavailable):
        await replay(store, HANDLERS["attend-conversation"], [heard])
