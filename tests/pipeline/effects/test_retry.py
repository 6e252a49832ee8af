"""What failed says why in Spanish; a person may have it tried anew (CO-07)."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import pytest

from hub.contracts import Accepted, Rejected, StatusItem
from hub.errors import Permanent
from hub.services import interventions, replies
from hub.services.commands import Command, work
from hub.store.transaction import Origin, Transaction, UnitOfWork
from tests.pipeline.effects.rig import Rig
from tests.support.replying import ask, effect, open_conversation

WHY = Rejected("131026", "WhatsApp no puede entregar a esta persona.")


async def retry(rig: Rig, effect_id: str, id_: str = "c1") -> None:
    def again(tx: Transaction) -> bool:
        interventions.retry_effect(tx, effect_id)
        return True

    command = Command(id_, "retry_effect", "cli:ana", effect_id)
    await rig.store.transact(work(command, again), name="tests.retry")


@pytest.mark.feature("CO-07")
async def test_a_failure_is_told_with_its_reason_then_tried_anew(rig: Rig) -> None:
    (id_,) = await rig.ask("uno")
    rig.sender.script = [WHY, WHY]
    lane = rig.lane()
    await rig.turn(lane)
    rig.move(days=4)

    await retry(rig, id_)
    await rig.turn(lane)
    await retry(rig, id_, "c2")
    await rig.turn(lane)

    assert await rig.states(id_) == ["accepted"]
    told = [(event.data.code, event.data.explanation_es) for event in await rig.events("reply.failed")]
    assert told == [(WHY.code, WHY.explanation_es)] * 2
    ((state,),) = await rig.rows("SELECT state FROM messages")
    assert state == "sent"


@pytest.mark.parametrize("word", ["sent", "failed"])
async def test_late_word_on_the_attempt_that_failed_does_not_end_the_next(
    rig: Rig, word: Literal["sent", "failed"]
) -> None:
    (id_,) = await rig.ask("uno")
    rig.sender.script = [Accepted("wamid.1"), Accepted("wamid.2")]
    lane = rig.lane()
    await rig.turn(lane)
    await _hears(rig, id_, "wamid.1", "failed")

    await retry(rig, id_)
    await _hears(rig, id_, "wamid.1", word)
    await rig.turn(lane)
    await _hears(rig, id_, "wamid.1", "failed")

    assert len(rig.sender.calls) == 2
    assert await rig.states(id_) == ["accepted"]


async def _hears(rig: Rig, id_: str, provider_id: str, word: Literal["sent", "failed"]) -> None:
    row = await effect(rig.store, id_)
    item = StatusItem(row.asset, provider_id, rig.clock.now(), word, code="131000", explanation_es="No.")

    def apply(unit: UnitOfWork) -> None:
        tx = unit.begin(Origin(f"dl_{rig.clock.now()}/0", "tests", "provider"))
        replies.apply_status(tx, row, item, tx.new_id("ev"))

    await rig.store.transact(apply, name="tests.status")


async def test_only_what_failed_is_tried_anew(rig: Rig) -> None:
    (id_,) = await rig.ask("uno")

    with pytest.raises(Permanent, match="is intent, not failed"):
        await retry(rig, id_)


async def test_a_window_that_is_still_shut_fails_again_without_a_call(rig: Rig) -> None:
    where = await open_conversation(rig.store, "luis", opened_at=rig.clock.now() - timedelta(days=2))

    (id_,) = await ask(rig.store, where, "uno")
    lane = rig.lane()

    for number in range(2):
        await retry(rig, id_, f"c{number}")
        await rig.turn(lane)

    assert rig.sender.calls == []
    assert (await effect(rig.store, id_)).code == "window"
    assert [event.data.code for event in await rig.events("reply.failed")] == ["window"] * 3
