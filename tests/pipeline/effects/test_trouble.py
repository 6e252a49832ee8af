"""Trouble of the provider stops the calls, not the hub."""

from __future__ import annotations

import asyncio

import pytest

from hub.contracts import Accepted, NotTaken, Unclear
from hub.errors import StoreUnavailable
from hub.pipeline.effects.breaker import Breaker
from tests.pipeline.effects.rig import Rig, hanging
from tests.support.replying import until
from tests.support.unreliable_store import Fault, UnreliableStore, in_turn

REVOKED = NotTaken("190", "El token venció.", scope="credential")


async def test_a_revoked_token_stops_the_calls_at_once_and_one_probe_goes_on(rig: Rig) -> None:
    for number in range(5):
        await rig.ask("hola", who=f"p{number}")
    rig.sender.script = [REVOKED, REVOKED]
    lane = rig.lane(per_second=1)
    await rig.turn(lane)
    for pause, calls in ((29, 1), (1, 2), (59, 2), (1, 3)):
        rig.move(seconds=pause)
        await rig.turn(lane, times=3)
        assert len(rig.sender.calls) == calls

    assert not rig.breaker.is_open
    for _ in range(60):
        rig.move(seconds=1)
        await rig.turn(lane)
    assert {row[0] for row in await rig.rows("SELECT state FROM effects")} == {"accepted"}
    assert len(rig.sender.calls) == 7


async def test_two_assets_with_one_token_share_its_breaker(rig: Rig) -> None:
    await rig.ask("hola", who="ana")
    rig.sender.script = [REVOKED]
    first, second = rig.lane(), rig.lane(holder="me")

    await rig.turn(first)
    await rig.ask("hola", who="luis")
    await rig.turn(second, times=2)

    assert len(rig.sender.calls) == 1


@pytest.mark.parametrize("answer", [Unclear("cut"), NotTaken("131000", "Falla.")])
async def test_five_failures_open_the_breaker(rig: Rig, answer: Unclear | NotTaken) -> None:
    for number in range(9):
        await rig.ask("hola", who=f"p{number}")
    rig.sender.script = [answer] * 9
    lane = rig.lane(per_second=1)
    for _ in range(9):
        await rig.turn(lane)
        rig.move(seconds=1)

    assert rig.breaker.is_open
    assert len(rig.sender.calls) == 5


async def test_being_asked_to_wait_is_no_failure(rig: Rig) -> None:
    for number in range(9):
        await rig.ask("hola", who=f"p{number}")
    rig.sender.script = [NotTaken("131056", "Demasiado seguido.", 16)] * 9
    lane = rig.lane(per_second=1)
    for _ in range(9):
        await rig.turn(lane)
        rig.move(seconds=1)

    assert not rig.breaker.is_open
    assert len(rig.sender.calls) == 9


async def test_a_claim_that_fails_does_not_keep_the_probe(rig: Rig) -> None:
    await rig.ask("hola")
    rig.sender.script = [REVOKED]
    store = UnreliableStore(rig.store)
    lane = rig.lane(store)
    await rig.turn(lane)
    rig.move(seconds=60)
    # The lease is due for renewal; then it looks for what is overdue or ready, claims.
    store.fault = in_turn(None, None, "before")
    with pytest.raises(StoreUnavailable):
        await lane.step()

    await rig.turn(lane, times=2)

    assert len(rig.sender.calls) == 2
    assert not rig.breaker.is_open


async def test_a_claim_whose_answer_was_lost_is_carried_out_once(rig: Rig) -> None:
    ids = await rig.ask("uno", "dos")
    store = UnreliableStore(rig.store)
    lane = rig.lane(store)
    await rig.turn(rig.lane())
    await rig.turn(rig.lane())
    assert rig.sender.said == ["uno", "dos"]

    more = await rig.ask("tres", "cuatro")
    store.fault = in_turn(None, None, "after")
    with pytest.raises(StoreUnavailable):
        await lane.step()
    assert await rig.states(*more) == ["sending", "intent"]

    await rig.turn(lane, times=4)

    assert rig.sender.said == ["uno", "dos", "tres", "cuatro"]
    assert await rig.states(*ids, *more) == ["accepted"] * 4


@pytest.mark.parametrize("fault", ["before", "after"])
async def test_a_result_is_recorded_however_long_the_database_is_away(rig: Rig, fault: Fault) -> None:
    ids = await rig.ask("uno", "dos")
    gate = asyncio.Event()
    rig.sender.script = [hanging(gate, Accepted("wamid.1"))]
    store = UnreliableStore(rig.store)
    lane = rig.lane(store)
    await lane.step()
    await until(lambda: len(rig.sender.calls) == 1, "the call was made")
    store.fault = in_turn(*([fault] * 10))

    gate.set()
    await asyncio.wait_for(lane.drain(), 20)

    assert await rig.states(*ids) == ["accepted", "intent"]
    assert len(await rig.events("reply.sent")) == 1


def test_the_shipped_breaker_is_the_documented_one(rig: Rig) -> None:
    breaker = Breaker(rig.clock, rig.waits.breaker_seconds, rig.waits.breaker_max_seconds)

    assert (breaker._first, breaker._longest) == (30, 900)
