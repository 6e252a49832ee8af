"""The worker starts lanes, loses no wake-up, stops without half work."""

from __future__ import annotations

import asyncio
import itertools
import random
import time

import pytest
from structlog.testing import capture_logs

from hub.contracts import Accepted
from hub.pipeline.effects import EffectWorker
from hub.settings import Waits
from tests.pipeline.effects.rig import PLACE, Rig, ScriptedSender, hanging, working
from tests.support.replying import ask, attempt, effect, open_conversation, until
from tests.support.unreliable_store import Fault, UnreliableStore, in_turn


async def ended(rig: Rig, count: int) -> bool:
    ((found,),) = await rig.rows("SELECT count(*) FROM effects WHERE state = 'accepted'")
    return bool(found == count)


async def test_a_conversation_flows_without_waiting_for_looks(rig: Rig) -> None:
    """Ten messages one after the other take far less than ten idle looks of half a second."""
    async with working(rig.worker()):
        await rig.ask("uno")
        await until(lambda: ended(rig, 1), "the lane had begun")
        started = time.monotonic()
        await rig.ask(*(f"n{number}" for number in range(10)))
        await until(lambda: ended(rig, 11), "all were sent")
        took = time.monotonic() - started

    assert rig.sender.said == ["uno", *(f"n{number}" for number in range(10))]
    assert took < 2.5


async def test_an_asset_seen_for_the_first_time_gets_its_lane_at_once(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Only the news can bring it: the next look would come too late.
    monkeypatch.setattr("hub.pipeline.effects.worker._LOOK_SECONDS", 3600)
    async with working(rig.worker()):
        await asyncio.sleep(0.1)
        await rig.ask("Hola")
        await until(lambda: ended(rig, 1), "it was sent")


async def test_what_was_under_way_when_the_last_worker_died_is_unknown(rig: Rig) -> None:
    ids = await rig.ask("uno", "dos")
    (other,) = await rig.ask("otra", who="luis")
    await rig.turn(rig.lane(holder="the dead one", routed=False))
    await attempt(rig.store, ids[0])

    worker = rig.worker()
    lost = await worker.recover()

    assert lost == 1
    assert await rig.states(*ids, other) == ["unknown", "intent", "intent"]
    async with working(worker):
        await until(lambda: ended(rig, 1), "the other conversation went on, with no lease to wait for")
    assert rig.sender.said == ["otra"]


async def test_a_clean_stop_ends_the_calls_under_way_and_begins_none(rig: Rig) -> None:
    ids = await rig.ask("uno", "dos")
    gate = asyncio.Event()
    rig.sender.script = [hanging(gate, Accepted("wamid.1"))]
    worker = rig.worker()
    running = asyncio.create_task(worker.run())
    await until(lambda: len(rig.sender.calls) == 1, "the first call was under way")

    stopping = asyncio.create_task(worker.stop())
    await asyncio.sleep(0.05)
    assert not stopping.done()
    assert rig.sender.times_closed == 0, "a call is under way"
    gate.set()
    await asyncio.wait_for(asyncio.gather(stopping, running), 20)

    assert rig.sender.times_closed == 1
    assert rig.sender.said == ["uno"]
    assert await rig.states(*ids) == ["accepted", "intent"]
    assert await rig.rows("SELECT * FROM leases") == []


async def test_a_lane_that_closes_in_the_midst_of_a_look_begins_nothing(rig: Rig) -> None:
    (id_,) = await rig.ask("uno")
    lane = rig.lane()
    lane.close()

    await rig.turn(lane, times=2)

    assert (await rig.states(id_), rig.sender.calls) == (["intent"], [])


async def test_a_stop_waits_no_longer_than_it_may_then_the_next_start_doubts(rig: Rig) -> None:
    ids = await rig.ask("uno", "dos")
    rig.waits = Waits(stop_seconds=0.05, store_retry_seconds=0.01)
    rig.sender.script = [hanging(asyncio.Event())]
    worker = rig.worker()
    running = asyncio.create_task(worker.run())
    await until(lambda: len(rig.sender.calls) == 1, "the first call was under way")

    await asyncio.wait_for(asyncio.gather(worker.stop(), running), 20)

    assert await rig.states(*ids) == ["sending", "intent"]
    assert await rig.worker().recover() == 1
    assert await rig.states(*ids) == ["unknown", "intent"]


async def test_a_stop_records_results_while_the_database_comes_back(rig: Rig) -> None:
    (id_,) = await rig.ask("uno")
    gate = asyncio.Event()
    rig.sender.script = [hanging(gate, Accepted("wamid.1"))]
    store = UnreliableStore(rig.store)
    worker = rig.worker(store)
    running = asyncio.create_task(worker.run())
    await until(lambda: len(rig.sender.calls) == 1, "the call was under way")
    store.fault = in_turn(*(("before",) * 30))

    gate.set()
    await asyncio.wait_for(asyncio.gather(worker.stop(), running), 20)

    assert await rig.states(id_) == ["accepted"]


@pytest.mark.parametrize("fault", ["before", "after"])
async def test_a_flaky_database_neither_loses_nor_doubles_nor_disorders(rig: Rig, fault: Fault) -> None:
    store = UnreliableStore(rig.store)
    chance = random.Random(3)
    store.fault = lambda: fault if chance.random() < 0.25 else None
    words = {who: [f"{who}{number}" for number in range(6)] for who in ("a", "b", "c")}
    for who, said in words.items():
        await rig.ask(*said, who=who)

    async with working(rig.worker(store)):
        await until(lambda: ended(rig, 18), "all were sent")

    for said in words.values():
        assert [word for word in rig.sender.said if word in said] == said
    assert len(rig.sender.calls) == 18
    assert len(await rig.events("reply.sent")) == 18


async def test_a_lane_that_breaks_ends_the_worker_with_its_error(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    from hub.pipeline.effects.lane import Lane

    async def breaks(_: Lane) -> float:
        msg = "a bug of ours"
        raise ZeroDivisionError(msg)

    monkeypatch.setattr(Lane, "step", breaks)
    await rig.ask("Hola")
    worker = rig.worker()

    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(worker.run(), 20)
    await worker.stop()


async def test_each_asset_has_its_own_lane_and_trouble(rig: Rig) -> None:
    other = ("whatsapp", "223450000000003")
    gate, second = asyncio.Event(), ScriptedSender()
    rig.sender.script = [hanging(gate)]
    routes = {PLACE: rig.route(), other: rig.route()}
    routes[other] = type(routes[other])("ventas", second, "graph", deadline_seconds=5)
    conversation = await open_conversation(rig.store, "ana", asset=other[1])
    await rig.ask("a", who="ana")
    await ask(rig.store, conversation, "b")

    async with working(EffectWorker(rig.store, routes, rig.clock, rig.waits, holder="me")):
        await until(lambda: second.said == ["b"], "the second asset spoke")
        gate.set()
        await until(lambda: ended(rig, 2), "both ended")


async def test_an_asset_without_a_route_is_said_once(rig: Rig) -> None:
    await rig.ask("Hola")
    worker = EffectWorker(rig.store, {}, rig.clock, rig.waits, holder="me")

    with capture_logs() as logs:
        async with working(worker):
            await until(lambda: bool(worker._lanes), "the lane was open")
            for _ in itertools.repeat(None, 3):
                worker._wake.set()
                await asyncio.sleep(0.06)

    assert [log["event"] for log in logs if log["log_level"] == "warning"] == [
        "nothing can be sent: the asset is not in the settings"
    ]
    assert rig.sender.calls == []


async def test_a_status_that_settles_a_doubt_lets_the_next_go_at_once(rig: Rig) -> None:
    from hub.contracts import StatusItem, Unclear
    from hub.pipeline.effects import settle
    from hub.services import replies

    first, _ = await rig.ask("uno", "dos")
    rig.sender.script = [Unclear("lost")]
    async with working(rig.worker()):
        await until(lambda: _is(rig, first, "unknown"), "the first was unclear")
        row = await effect(rig.store, first)
        told = StatusItem(PLACE[1], "wamid.1", rig.clock.now(), "delivered")
        await rig.store.transact(
            lambda unit: replies.apply_status(unit.begin(settle.LONE_ORIGIN), row, told, "ev_status"),
            name="tests.status",
        )
        await until(lambda: rig.sender.said == ["uno", "dos"], "the second was sent")


async def _is(rig: Rig, id_: str, state: str) -> bool:
    return (await rig.states(id_)) == [state]
