"""Two hours before a window closes people are told, if somebody still waits (CO-02)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.services import replies
from hub.store.transaction import Origin
from schemas.conversations import CaseOpened, ConversationWindowClosing
from tests.support.desk import Desk

DAY = timedelta(hours=24)


@pytest.mark.feature("CO-02")
async def test_the_warning_comes_two_hours_before_once(desk: Desk) -> None:
    wrote = desk.clock.now()
    await desk.says("No me deja timbrar")
    await desk.settle()

    await desk.time_comes(wrote + DAY - timedelta(hours=2, minutes=1))
    assert await desk.stated(ConversationWindowClosing) == []
    await desk.time_comes(wrote + DAY - timedelta(hours=2))
    await desk.time_comes(wrote + timedelta(days=3))

    (event,) = await desk.stated(ConversationWindowClosing)
    assert (event.data.free_until, event.time) == (wrote + DAY, wrote + DAY - timedelta(hours=2))


async def test_a_later_message_moves_the_warning(desk: Desk) -> None:
    wrote = desk.clock.now()
    await desk.says("No me deja timbrar")
    await desk.settle()
    desk.clock.move(timedelta(hours=10))
    await desk.says("¿Hay novedades?")
    await desk.settle()

    await desk.time_comes(wrote + DAY - timedelta(hours=2))
    assert await desk.stated(ConversationWindowClosing) == []
    await desk.time_comes(wrote + DAY + timedelta(hours=8))

    (event,) = await desk.stated(ConversationWindowClosing)
    assert event.data.free_until == wrote + DAY + timedelta(hours=10)


async def test_nobody_is_warned_once_a_person_has_answered(desk: Desk) -> None:
    wrote = desk.clock.now()
    await desk.says("No me deja timbrar")
    await desk.settle()
    (opened,) = await desk.stated(CaseOpened)

    await desk.store.transact(
        lambda unit: replies.request(
            unit.begin(Origin("ev_person", "tests", "staff:1")),
            opened.data.conversation_id,
            "Ya quedó",
            intent="answer",
            useful_for=DAY,
            written_by="person",
        ),
        name="tests.answer",
    )
    await desk.time_comes(wrote + DAY - timedelta(hours=1))

    assert await desk.stated(ConversationWindowClosing) == []
