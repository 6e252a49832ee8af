"""Signs of life leave beside what is said: nothing waits for them, nobody is told what became of them."""

from __future__ import annotations

import pytest
from sqlalchemy import insert

from hub.contracts import NotTaken, Outcome, Rejected, Unclear
from hub.pipeline.effects import settle
from hub.services import signs
from hub.store import effects
from hub.store.tables import messages
from hub.store.transaction import Origin, UnitOfWork
from tests.pipeline.effects.rig import PLACE, Rig
from tests.support.replying import effect, open_conversation


async def show(rig: Rig) -> str:
    conversation = await open_conversation(rig.store, "ana")
    await rig.store.transact(lambda unit: _hear(unit, conversation), name="tests.hear")

    def ask(unit: UnitOfWork) -> list[str]:
        return signs.show(unit.begin(Origin("sign", "tests", "hub")), conversation, "read")

    (asked,) = await rig.store.transact(ask, name="tests.sign")
    return asked


async def test_a_sign_names_what_the_customer_said_last(rig: Rig) -> None:
    asked = await show(rig)

    await rig.turn(rig.lane(), times=1)

    (call,) = rig.sender.calls
    assert (call.kind, call.payload) == ("sign", {"sign": "read", "message_id": "wamid.heard"})
    assert await rig.states(asked) == ["confirmed"]
    assert await rig.told() == []


@pytest.mark.parametrize("result", [Unclear("lost"), Rejected("131000", "No.")])
async def test_one_that_did_not_arrive_is_forgotten(rig: Rig, result: Outcome) -> None:
    asked = await show(rig)
    rig.sender.script = [result]

    await rig.turn(rig.lane(), times=1)

    assert await rig.states(asked) == ["failed"]
    assert await rig.told() == []


async def test_it_is_tried_for_a_minute(rig: Rig) -> None:
    asked = await show(rig)
    rig.sender.script = [NotTaken("131000", "Falla temporal.")]
    lane = rig.lane()

    await rig.turn(lane, times=1)
    assert await rig.states(asked) == ["intent"]
    rig.move(seconds=61)
    await rig.turn(lane, times=2)

    assert await rig.states(asked) == ["failed"]
    assert len(rig.sender.calls) == 1
    assert await rig.told() == []


async def test_words_do_not_wait_for_it(rig: Rig) -> None:
    await show(rig)
    rig.sender.script = [NotTaken("131000", "Falla temporal.")]
    await rig.ask("uno", who="ana")

    await rig.turn(rig.lane(), times=2)

    assert [call.kind for call in rig.sender.calls] == ["sign", "send_message"]


async def test_a_kill_in_the_middle_leaves_no_doubt(rig: Rig) -> None:
    asked = await show(rig)

    def die(unit: UnitOfWork) -> int:
        row = effects.get(unit.begin(settle.LONE_ORIGIN), asked)
        assert row is not None
        return settle.lost(unit, settle.claim(unit, [row]), rig.waits)

    await rig.store.transact(die, name="tests.die")

    assert (await effect(rig.store, asked)).state == "failed"
    assert await rig.told() == []


def _hear(unit: UnitOfWork, conversation: str) -> None:
    tx = unit.begin(Origin("heard", "tests", "hub"))
    message = {
        "conversation_id": conversation,
        "connector": PLACE[0],
        "asset": PLACE[1],
        "kind": "text",
        "text": "Hola",
    }
    told = {"direction": "in", "state": "received", "time": tx.now, "received_at": tx.now, "event_id": "ev_heard"}
    tx.run(insert(messages), id="ms_heard", provider_id="wamid.heard", **message, **told)
