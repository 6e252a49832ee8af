"""A window that shuts while a message waits is seen before the call, never told by the provider (CO-01)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from hub.contracts import NotTaken
from hub.services import conversations, templates
from hub.services.conversations import Heard, Threads
from hub.store.transaction import Origin, UnitOfWork
from tests.pipeline.effects.rig import Rig
from tests.services.test_windows import FILLED, SURVEY
from tests.support.replying import ask, effect, open_conversation

LATER = NotTaken("131000", "Más tarde.", retry_after_seconds=2 * 3600)


async def asked(rig: Rig, *words: str, **given: Any) -> tuple[str, list[str]]:
    """Ask for replies to somebody who wrote 23 hours ago."""
    where = await open_conversation(rig.store, "luis", opened_at=rig.clock.now() - timedelta(hours=23))
    return where, await ask(rig.store, where, *words, **given)


@pytest.mark.feature("CO-01", part="whatsapp")
async def test_what_waits_too_long_fails_without_another_call(rig: Rig) -> None:
    _, ids = await asked(rig, "uno", "dos")
    rig.sender.script = [LATER]
    lane = rig.lane()
    await rig.turn(lane)

    rig.move(hours=2)
    await rig.turn(lane, times=3)

    assert [call.payload["text"] for call in rig.sender.calls] == ["uno"]
    assert await rig.states(*ids) == ["failed", "failed"]
    assert [event.data.code for event in await rig.events("reply.failed")] == ["window", "window"]


async def test_a_message_of_the_customer_meanwhile_keeps_it_open(rig: Rig) -> None:
    where, ids = await asked(rig, "uno")
    rig.sender.script = [LATER]
    lane = rig.lane()
    await rig.turn(lane)
    rig.move(hours=2)
    await _writes_again(rig, where)

    await rig.turn(lane, times=2)

    assert await rig.states(*ids) == ["accepted"]


@pytest.mark.feature("CO-01", part="whatsapp")
async def test_the_template_takes_over_when_the_window_shuts(rig: Rig) -> None:
    await rig.store.transact(
        lambda unit: templates.keep(unit.begin(Origin("ev_t", "tests", "hub")), SURVEY), name="tests.template"
    )
    _, (id_,) = await asked(rig, "¿Quedó satisfecho?", intent="survey", variables=FILLED)
    rig.sender.script = [LATER]
    lane = rig.lane()
    await rig.turn(lane)

    rig.move(hours=2)
    await rig.turn(lane, times=2)

    first, second = rig.sender.calls
    assert "template" not in first.payload
    assert second.payload["template"]["variables"] == FILLED
    row = await effect(rig.store, id_)
    assert (row.state, row.payload["text"][:9]) == ("accepted", "Hola Ana,")
    ((kind, text),) = await rig.rows("SELECT kind, text FROM messages")
    assert (kind, text) == ("template", row.payload["text"]), "people read what the customer got"


async def _writes_again(rig: Rig, conversation: str) -> None:
    def write(unit: UnitOfWork) -> None:
        tx = unit.begin(Origin("again", "tests", "customer"))
        row = conversations.get(tx, conversation)
        threads = Threads()
        threads.look_up(tx, [row.contact_id])
        threads.find_or_open(
            tx,
            contact=row.contact_id,
            channel="whatsapp",
            connector=row.connector,
            asset=row.asset,
            reply_to=row.reply_to,
            heard=Heard(tx.now),
        )
        threads.save(tx)

    await rig.store.transact(write, name="tests.again")
