"""A reply is asked for in the conversation's own words, to the address that was used last."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.errors import NotFound
from hub.services import conversations, replies
from hub.store import effects
from tests.services.conftest import Desk
from tests.support.webhooks import NUMBER


async def test_a_reply_is_event_message_and_effect_at_once(desk: Desk) -> None:
    id_ = await desk.do(
        lambda tx: replies.request(
            tx, desk.conversation, "Hola", intent="greeting", useful_for=timedelta(hours=2), case_id="ca_1"
        )
    )

    (event,) = await desk.events("reply.requested")
    assert (event.subject, event.partitionkey, event.data.text, event.data.case_id) == (
        id_,
        desk.conversation,
        "Hola",
        "ca_1",
    )
    row = await desk.store.read(lambda tx: effects.get(tx, id_))
    assert row is not None
    assert (row.state, row.asset, row.key, row.reply_to) == (
        "intent",
        NUMBER,
        desk.conversation,
        {"to": "5212221234567"},
    )
    assert (row.not_before, row.useful_until) == (desk.clock.now(), desk.clock.now() + timedelta(hours=2))
    (message,) = await desk.store.read(lambda tx: conversations.recent_messages(tx, desk.conversation))
    assert (message.id, message.direction, message.state, message.event_id) == (id_, "out", "requested", event.id)


async def test_a_handler_that_fails_after_asking_asked_for_nothing(desk: Desk) -> None:
    with pytest.raises(ZeroDivisionError):
        await desk.do(
            lambda tx: (
                replies.request(tx, desk.conversation, "Hola", intent="t", useful_for=timedelta(hours=1)),
                1 / 0,
            )
        )

    assert await desk.rows("SELECT 1 FROM effects UNION SELECT 1 FROM messages UNION SELECT 1 FROM events") == []


async def test_two_replies_of_one_cause_are_two(desk: Desk) -> None:
    ids = await desk.do(
        lambda tx: [
            replies.request(tx, desk.conversation, word, intent="t", useful_for=timedelta(hours=1))
            for word in ("uno", "dos")
        ]
    )

    assert len(set(ids)) == 2


async def test_nobody_is_answered_in_a_conversation_that_does_not_exist(desk: Desk) -> None:
    with pytest.raises(NotFound, match="cv_nothing"):
        await desk.do(lambda tx: replies.request(tx, "cv_nothing", "Hola", intent="t", useful_for=timedelta(hours=1)))
