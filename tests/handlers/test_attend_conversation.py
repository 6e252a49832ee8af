"""A customer who writes is greeted once, honestly, about one case."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hub.store.tables import cases, effects, messages
from schemas.conversations import CaseDiagnosed, CaseOpened
from schemas.replies import ReplyRequested
from tests.support.clock import MONDAY_MORNING
from tests.support.desk import Desk

SUNDAY_NIGHT = datetime(2026, 11, 29, 3, 0, tzinfo=UTC)
PROBLEM = "Desde la actualización todas las facturas salen con errores contables"


async def _reply(desk: Desk) -> str:
    (reply,) = await desk.stated(ReplyRequested)
    return str(reply.data.text)


async def test_in_hours_a_customer_is_greeted_by_name(desk: Desk) -> None:
    await desk.says(PROBLEM)
    await desk.settle()

    text = await _reply(desk)
    assert text.startswith("Hola Ana, ")
    assert "en un momento le atiende una persona" in text


async def test_out_of_hours_the_greeting_says_when_a_person_attends(desk: Desk) -> None:
    desk.clock.move(SUNDAY_NIGHT - MONDAY_MORNING)

    await desk.says(PROBLEM)
    await desk.settle()

    assert "a partir del lunes 30 de noviembre a las 9:00" in await _reply(desk)


async def test_a_customer_without_a_name_is_greeted_without_one(desk: Desk) -> None:
    await desk.says(PROBLEM, name=None)
    await desk.settle()

    assert (await _reply(desk)).startswith("Hola, ")


async def test_what_cannot_be_read_is_acknowledged_as_received(desk: Desk) -> None:
    await desk.says("", unsupported="document")
    await desk.settle()

    assert "recibimos su archivo" in await _reply(desk)
    (case,) = await desk.rows(cases)
    assert case.summary == "[document]"


async def test_the_greeting_is_an_effect_with_an_end_to_its_use(desk: Desk) -> None:
    await desk.says(PROBLEM)
    await desk.settle()

    (effect,) = await desk.rows(effects)
    (reply,) = await desk.stated(ReplyRequested)
    assert (effect.id, effect.state, effect.key) == (reply.data.reply_id, "intent", reply.partitionkey)
    assert effect.useful_until == desk.clock.now() + timedelta(hours=2)
    assert effect.payload["text"] == reply.data.text


async def test_a_message_that_comes_late_gets_a_case_yet_no_greeting(desk: Desk) -> None:
    await desk.says(PROBLEM, at=desk.clock.now() - timedelta(minutes=121))
    await desk.says(PROBLEM, phone="+523330001111", at=desk.clock.now() - timedelta(minutes=120))
    await desk.settle()

    assert len(await desk.rows(cases)) == 2
    assert len(await desk.stated(ReplyRequested)) == 1


async def test_the_case_is_diagnosed_with_what_decided_it(desk: Desk) -> None:
    asked_at = desk.clock.now() - timedelta(minutes=3)

    await desk.says(PROBLEM, at=asked_at)
    await desk.settle()

    (opened,) = await desk.stated(CaseOpened)
    (diagnosed,) = await desk.stated(CaseDiagnosed)
    said = diagnosed.data
    assert (said.case_id, said.needs_ticket, said.summary) == (opened.data.case_id, True, PROBLEM)
    assert (said.asked_at, said.rule) == (asked_at, "every-case-needs-a-ticket")
    assert said.policy_version > 0
    assert diagnosed.actor == "hub:attend-conversation"
    assert diagnosed.partitionkey == said.conversation_id


async def test_what_follows_joins_the_case_without_another_answer(desk: Desk) -> None:
    await desk.says(PROBLEM)
    await desk.settle()
    desk.clock.move(timedelta(days=2))
    await desk.says("¿Hay novedades?")
    await desk.says("Sigo esperando")
    await desk.settle()

    (case,) = await desk.rows(cases)
    inbound = [row for row in await desk.rows(messages) if row.direction == "in"]
    assert [row.case_id for row in inbound] == [case.id] * 3
    assert len(await desk.stated(ReplyRequested)) == 1
    assert len(await desk.stated(CaseDiagnosed)) == 1


async def test_each_conversation_has_its_own_case(desk: Desk) -> None:
    await desk.says(PROBLEM)
    await desk.says(PROBLEM, phone="+523330001111", name="Luis Vega")
    await desk.settle()

    assert len({row.conversation_id for row in await desk.rows(cases)}) == 2
    greeted = [event.data.text.split(",")[0] for event in await desk.stated(ReplyRequested)]
    assert sorted(greeted) == ["Hola Ana", "Hola Luis"]
