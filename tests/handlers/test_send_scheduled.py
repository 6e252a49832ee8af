"""What is planned is said at its instant, never late, never after the customer has written (CO-08)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from hub.services import scheduled
from hub.store.transaction import Origin, UnitOfWork
from schemas.conversations import CaseOpened
from schemas.replies import ReplyRequested, ReplyScheduled, ReplyUnscheduled
from tests.support.desk import Desk

HOUR = timedelta(hours=1)


async def plan(desk: Desk) -> str:
    """Let Ana write, then plan a message for an hour later that is of use for two."""
    await desk.says("Quiero una demostración")
    await desk.settle()
    (opened,) = await desk.stated(CaseOpened)
    desk.clock.move(timedelta(minutes=1))
    now = desk.clock.now()
    wanted = scheduled.Plan("Le recordamos su demo", "reminder", now + HOUR, now + 2 * HOUR)

    def write(unit: UnitOfWork) -> str:
        tx = unit.begin(Origin("ev_plan", "tests", "hub"))
        return scheduled.plan(tx, opened.data.conversation_id, wanted)

    return await desk.store.transact(write, name="tests.plan")


async def said(desk: Desk) -> list[Any]:
    """Return what was asked to be said beside the greeting."""
    return [event.data.text for event in await desk.stated(ReplyRequested) if event.data.intent == "reminder"]


@pytest.mark.feature("CO-08")
async def test_it_is_said_at_its_instant_once(desk: Desk) -> None:
    id_ = await plan(desk)
    (fact,) = await desk.stated(ReplyScheduled)
    now = desk.clock.now()

    await desk.time_comes(now + HOUR - timedelta(seconds=1))
    assert (fact.data.reply_id, await said(desk)) == (id_, [])
    await desk.time_comes(now + HOUR)
    await desk.time_comes(now + 3 * HOUR)

    assert await said(desk) == ["Le recordamos su demo"]
    assert await desk.stated(ReplyUnscheduled) == []


@pytest.mark.feature("CO-08")
async def test_a_customer_who_writes_first_is_not_reminded(desk: Desk) -> None:
    await plan(desk)
    now = desk.clock.now()
    desk.clock.move(timedelta(minutes=10))
    await desk.says("Ya no hace falta, gracias")
    await desk.settle()

    await desk.time_comes(now + HOUR)

    assert await said(desk) == []
    (fact,) = await desk.stated(ReplyUnscheduled)
    assert fact.data.reason == "the customer wrote first"


@pytest.mark.feature("CO-08")
async def test_what_is_late_is_dropped_with_a_word_never_delivered_late(desk: Desk) -> None:
    await plan(desk)

    await desk.time_comes(desk.clock.now() + 2 * HOUR)

    assert await said(desk) == []
    (fact,) = await desk.stated(ReplyUnscheduled)
    assert fact.data.reason == "its last useful instant has passed"


async def test_it_can_be_taken_back(desk: Desk) -> None:
    id_ = await plan(desk)

    def cancel(unit: UnitOfWork) -> bool:
        return scheduled.cancel(unit.begin(Origin("ev_cancel", "tests", "hub")), id_)

    assert await desk.store.transact(cancel, name="tests.cancel")
    await desk.time_comes(desk.clock.now() + HOUR)

    assert await said(desk) == []
