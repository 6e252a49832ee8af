"""One process at a time speaks through an asset; what a dead one was saying is in doubt."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from hub.pipeline.effects import lease as lease_module
from hub.pipeline.effects.watch import Watch
from hub.telemetry import metrics
from tests.pipeline.effects.rig import PLACE, Rig, hanging
from tests.support.replying import effect, until


async def test_two_workers_on_one_store_send_each_effect_once(rig: Rig) -> None:
    for number in range(30):
        await rig.ask("uno", "dos", who=f"p{number}")
    first, second = rig.lane(holder="first", per_second=1000), rig.lane(holder="second", per_second=1000)

    for _ in range(6):
        await asyncio.gather(first.step(), second.step())
        await asyncio.gather(first.drain(), second.drain())

    assert len(rig.sender.calls) == len({call.effect_id for call in rig.sender.calls}) == 60


async def test_who_has_no_lease_waits_then_takes_over(rig: Rig) -> None:
    (id_,) = await rig.ask("Hola")
    first, second = rig.lane(holder="first"), rig.lane(holder="second")
    await rig.turn(first)
    (late,) = await rig.ask("Otra vez")

    assert await second.step() == 20
    rig.move(seconds=19)
    assert await second.step() == 1
    rig.move(seconds=47)
    await rig.turn(second)

    assert await rig.states(id_, late) == ["accepted", "accepted"]


async def test_a_lease_in_use_is_renewed_long_before_it_ends(rig: Rig) -> None:
    first, second = rig.lane(holder="first"), rig.lane(holder="second")
    for _ in range(20):
        await first.step()
        await second.step()
        rig.move(seconds=25)

    ((holder,),) = await rig.rows("SELECT holder FROM leases")
    assert holder == "first"


@pytest.mark.feature("OP-14")
async def test_what_a_dead_worker_left_is_found_doubted_and_sent_by_the_next(rig: Rig) -> None:
    """Lease expiry requeues, the heartbeat keeps the lease of the living, the alarm tells what stands still."""
    begun, waiting = await rig.ask("begun", "waiting")
    watch = Watch(rig.store, rig.clock, rig.waits)
    first, second = rig.lane(holder="first"), rig.lane(holder="second")
    rig.sender.script = [hanging(asyncio.Event())]
    await first.step()
    await until(lambda: rig.sender.said == ["begun"], "the first worker had begun")
    first.abandon()
    rig.move(seconds=60)
    assert await second.step() > 0
    assert await rig.states(begun, waiting) == ["sending", "intent"]

    rig.move(seconds=6)
    with capture_logs() as logs:
        rig.move(minutes=15)
        await watch.look()
        await rig.turn(second)
        assert await rig.states(begun, waiting) == ["unknown", "intent"]
        rig.move(minutes=2)
        await rig.turn(second, times=2)
        await watch.look()

    assert await rig.states(begun, waiting) == ["doubtful", "accepted"]
    assert rig.sender.said == ["begun", "waiting"]
    assert [(log["log_level"], log["event"]) for log in logs if "effects" in log["event"]] == [
        ("error", "effects stand still"),
        ("warning", "effects move again"),
    ]


async def test_the_alarm_shows_the_age_and_is_told_once(rig: Rig) -> None:
    await rig.ask("Hola")
    watch = Watch(rig.store, rig.clock, rig.waits)
    gauge = metrics.oldest_effect.labels(*PLACE)
    with capture_logs() as logs:
        for _ in range(5):
            rig.move(minutes=10)
            await watch.look()

    assert gauge._value.get() == 3000
    assert [log["event"] for log in logs] == ["effects stand still"]
    await rig.turn(rig.lane())
    rig.move(minutes=10)
    await watch.look()
    assert gauge._value.get() == 0


async def test_an_effect_that_may_not_go_yet_is_no_alarm(rig: Rig) -> None:
    from hub.contracts import NotTaken

    await rig.ask("Hola")
    rig.sender.script = [NotTaken("131000", "Falla.", 7200)]
    await rig.turn(rig.lane())
    watch = Watch(rig.store, rig.clock, rig.waits)

    with capture_logs() as logs:
        rig.move(minutes=100)
        await watch.look()

    assert logs == []


async def test_a_zombie_that_stood_still_sends_nothing_and_changes_nothing(rig: Rig) -> None:
    (id_,) = await rig.ask("Hola")
    zombie, heir = rig.lane(holder="zombie"), rig.lane(holder="heir")
    goes_on: list[Callable[[], None]] = []
    start = zombie._start
    # Between the commit of the claim and the first byte, until the heir has the asset.
    vars(zombie)["_start"] = lambda row, *, probe: goes_on.append(lambda: start(row, probe=probe))
    await zombie.step()
    rig.move(seconds=3600)
    await heir.step()
    (go_on,) = goes_on
    go_on()
    await zombie.drain()

    assert rig.sender.calls == []
    assert await rig.states(id_) == ["unknown"]
    ((holder,),) = await rig.rows("SELECT holder FROM leases")
    assert holder == "heir"


def _after_the_claim(lane: Any, happens: Callable[[], None]) -> None:
    """Let something happen between the commit of the claim and the first byte."""
    start = lane._start

    def later(row: Any, *, probe: bool) -> None:
        happens()
        start(row, probe=probe)

    lane._start = later


async def test_a_process_that_stood_still_alone_sends_later(rig: Rig) -> None:
    (id_,) = await rig.ask("Hola")
    lane = rig.lane()
    _after_the_claim(lane, lambda: rig.move(seconds=3600))
    await rig.turn(lane)
    assert (await rig.states(id_), rig.sender.calls) == (["intent"], [])

    del lane.__dict__["_start"]
    rig.move(seconds=1)
    await rig.turn(lane)

    row = await effect(rig.store, id_)
    assert (row.state, row.attempts) == ("accepted", 2)


async def test_a_claim_is_refused_when_the_lease_is_somebody_elses(rig: Rig) -> None:
    (id_,) = await rig.ask("Hola")
    lane = rig.lane(holder="first")
    await lane._lease.hold(frozenset())
    await rig.store.transact(
        lambda unit: unit.connection.exec_driver_sql("UPDATE leases SET holder = 'second'"), name="tests.steal"
    )

    await rig.turn(lane)

    assert await rig.states(id_) == ["intent"]
    assert await lane.step() == 20
    assert rig.sender.calls == []


def test_leases_of_assets_have_a_name_of_their_own() -> None:
    assert lease_module.PREFIX == "asset:"
