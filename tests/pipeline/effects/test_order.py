"""Within a conversation one after the other, between conversations nobody waits for anybody."""

from __future__ import annotations

import asyncio

import pytest

from hub.contracts import Accepted, NotTaken, Rejected, StatusItem, Unclear
from hub.services import replies
from hub.store import effects
from hub.store.transaction import Origin, UnitOfWork
from tests.pipeline.effects.rig import PLACE, Rig, hanging
from tests.support.replying import ask, open_conversation, until


@pytest.mark.feature("CO-05")
async def test_a_conversation_is_told_one_thing_at_a_time_in_order(rig: Rig) -> None:
    words = [f"n{number}" for number in range(6)]
    await rig.ask(*words)
    gate = asyncio.Event()
    rig.sender.script = [hanging(gate)]
    lane = rig.lane()
    for _ in range(3):
        await lane.step()
    await until(lambda: len(rig.sender.calls) == 1, "the first call was made")
    assert rig.sender.said == words[:1]

    gate.set()
    await rig.turn(lane, times=8)

    assert rig.sender.said == words


@pytest.mark.feature("CO-05")
async def test_what_was_not_taken_holds_its_own_conversation_only(rig: Rig) -> None:
    await rig.ask("a1", "a2", who="ana")
    await rig.ask("b1", "b2", who="luis")
    rig.sender.script = [NotTaken("131000", "Falla temporal.")]
    lane = rig.lane()

    await rig.turn(lane, times=4)
    assert rig.sender.said == ["a1", "b1", "b2"]
    rig.move(seconds=60)
    await rig.turn(lane, times=3)

    assert rig.sender.said == ["a1", "b1", "b2", "a1", "a2"]


async def test_a_failed_one_lets_the_next_go_at_once(rig: Rig) -> None:
    await rig.ask("uno", "dos")
    rig.sender.script = [Rejected("131026", "No se puede.")]

    await rig.turn(rig.lane(), times=2)

    assert rig.sender.said == ["uno", "dos"]


@pytest.mark.feature("CO-05")
async def test_a_doubt_holds_the_next_for_two_minutes_at_most(rig: Rig) -> None:
    ids = await rig.ask("uno", "dos")
    rig.sender.script = [Unclear("lost")]
    lane = rig.lane()
    await rig.turn(lane)
    rig.move(seconds=119)
    await rig.turn(lane, times=3)
    assert rig.sender.said == ["uno"]

    rig.move(seconds=1)
    await rig.turn(lane, times=3)

    assert rig.sender.said == ["uno", "dos"]
    assert await rig.states(*ids) == ["doubtful", "accepted"]
    assert await rig.told() == ["doubtful", "sent"]


@pytest.mark.feature("CO-03")
async def test_a_throttled_asset_pauses_whole_the_others_do_not(rig: Rig) -> None:
    await rig.ask("a1", who="ana")
    await rig.ask("b1", who="luis")
    rig.sender.script = [NotTaken("130429", "Límite.", 10, "asset"), Accepted("wamid.b")]
    lane = rig.lane(per_second=1)

    await rig.turn(lane, times=2)
    assert rig.sender.said == ["a1"]
    rig.move(seconds=9)
    await rig.turn(lane, times=2)
    assert rig.sender.said == ["a1"]
    assert not rig.breaker.is_open

    rig.move(seconds=1)
    await rig.turn(lane, times=2)
    rig.move(seconds=1)
    await rig.turn(lane, times=2)

    assert sorted(rig.sender.said) == ["a1", "a1", "b1"]


@pytest.mark.feature("CO-03")
async def test_the_pace_of_one_person_holds_nobody_else(rig: Rig) -> None:
    words = [f"a{number}" for number in range(4)]
    await rig.ask(*words, who="ana")
    await rig.ask("b0", who="luis")
    lane = rig.lane(per_second=1000, pair_interval_seconds=6, pair_burst=2)

    await rig.turn(lane, times=5)
    assert sorted(rig.sender.said) == ["a0", "a1", "b0"]
    rig.move(seconds=6)
    await rig.turn(lane, times=3)
    assert rig.sender.said[3:] == ["a2"]
    rig.move(seconds=6)
    await rig.turn(lane, times=3)

    assert rig.sender.said[4:] == ["a3"]


async def test_people_who_rest_do_not_hide_those_who_wait_behind_them(rig: Rig) -> None:
    for number in range(80):
        conversation = await open_conversation(rig.store, f"p{number}")
        await ask(rig.store, conversation, "uno", "dos")
    lane = rig.lane(per_second=10_000, pair_interval_seconds=600, pair_burst=1)
    await rig.turn(lane, times=10)
    assert len(rig.sender.calls) == 80

    await rig.ask("late", who="newcomer")
    await rig.turn(lane, times=4)

    assert rig.sender.said[80:] == ["late"]


async def test_no_more_calls_at_once_than_the_lane_holds(rig: Rig) -> None:
    for number in range(70):
        await rig.ask("hola", who=f"p{number}")
    gate = asyncio.Event()
    rig.sender.script = [hanging(gate)] * 70
    lane = rig.lane(per_second=1000)

    for _ in range(4):
        await lane.step()
    await until(lambda: len(rig.sender.calls) >= 16, "16 calls were under way")
    await lane.step()
    assert len(rig.sender.calls) == 16
    gate.set()
    await rig.turn(lane, times=6)

    assert len(rig.sender.calls) == 70


@pytest.mark.feature("CO-05")
async def test_the_next_waits_until_the_one_before_was_sent(rig: Rig) -> None:
    first, _ = await rig.ask("uno", "dos", who="ana")
    await rig.ask("otra", "más", who="luis")
    lane = rig.lane(confirm_seconds=3.0)

    await rig.turn(lane, times=3)
    assert rig.sender.said == ["uno", "otra"]
    await confirm(rig, first)
    await rig.turn(lane, times=2)

    assert rig.sender.said == ["uno", "otra", "dos"]


@pytest.mark.feature("CO-05")
async def test_a_provider_that_says_nothing_more_is_waited_for_a_while(rig: Rig) -> None:
    await rig.ask("uno", "dos", who="ana")
    lane = rig.lane(confirm_seconds=3.0)
    await rig.turn(lane, times=2)

    rig.move(seconds=2.9)
    wait = await lane.step()
    assert (rig.sender.said, wait <= 0.2) == (["uno"], True)
    rig.move(seconds=0.2)
    await rig.turn(lane, times=2)

    assert rig.sender.said == ["uno", "dos"]


async def confirm(rig: Rig, effect_id: str) -> None:
    def say(unit: UnitOfWork) -> None:
        tx = unit.begin(Origin("status", "tests", "provider"))
        row = effects.get(tx, effect_id)
        assert row is not None
        item = StatusItem(PLACE[1], row.provider_id, rig.clock.now(), "sent")
        assert not replies.apply_status(tx, row, item, "ev_sent")

    await rig.store.transact(say, name="tests.status")
