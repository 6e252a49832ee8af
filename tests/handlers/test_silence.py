"""Where a colleague or another application speaks, the hub says nothing by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

import pytest

from hub.contracts import EchoItem
from hub.services import answers, conversations, echoes, replies, windows
from hub.services.echoes import Echo
from hub.store.tables import cases, effects, messages
from hub.store.transaction import Origin, UnitOfWork
from schemas.conversations import ConversationHandedOver
from schemas.messages import MessageReceived
from schemas.replies import ReplyFailed
from tests.support.desk import ASSET, Desk

PROBLEM = "No me deja timbrar la factura"


async def handed_over(desk: Desk, conversation: str, holder: Literal["hub", "other"], name: str) -> None:
    """Let another application take a thread, or give it back, as ingest records it."""

    def record(unit: UnitOfWork) -> None:
        tx = unit.begin(Origin(name, "ingest", "provider"))
        conversations.hold(tx, conversation, holder, tx.now)
        fact = ConversationHandedOver(conversation_id=conversation, contact_id="ct", holder=holder, at=tx.now)
        tx.state(fact, key=conversation, subject=conversation)

    await desk.store.transact(record, name="test.handed_over")
    await desk.settle()


async def by_hand(desk: Desk, conversation: str, *, ago: timedelta = timedelta()) -> None:
    """Let a colleague answer in the provider's app, as ingest records it."""
    at = desk.clock.now() - ago
    item = EchoItem(ASSET, "wamid.hand", at, None, "text", "Lo veo")
    found = Echo(item, "ev_hand", "whatsapp", "whatsapp", conversation, "ct", desk.clock.now())

    def record(unit: UnitOfWork) -> None:
        tx = unit.begin(Origin(found.id, "ingest", "staff"))
        row, _ = echoes.tell(tx, found, at)
        conversations.record(tx, row)

    await desk.store.transact(record, name="test.echo")
    await desk.settle()


async def ask(desk: Desk, conversation: str, cause: str, **given: Any) -> None:
    def request(unit: UnitOfWork) -> None:
        tx = unit.begin(Origin(cause, "tests", "hub"))
        replies.request(tx, conversation, "Aviso", intent="status", useful_for=timedelta(days=1), **given)

    await desk.store.transact(request, name="test.ask")


async def states(desk: Desk) -> list[tuple[str, str | None]]:
    found = sorted(await desk.rows(effects), key=lambda row: row.position)
    return [(row.state, row.code) for row in found]


async def heard(desk: Desk) -> str:
    (received,) = await desk.stated(MessageReceived)
    return str(received.partitionkey)


async def test_while_another_application_has_the_thread_only_people_speak(desk: Desk) -> None:
    await desk.says(PROBLEM)
    conversation = await heard(desk)
    await handed_over(desk, conversation, "other", "taken")

    (case,) = await desk.rows(cases)
    assert case.summary == PROBLEM
    (held,) = await desk.store.read(lambda tx: windows.listing(tx, 5))
    assert held.holder == "other"
    await ask(desk, conversation, "ours")
    await ask(desk, conversation, "theirs", written_by="person")
    desk.clock.move(timedelta(seconds=1))
    await handed_over(desk, conversation, "hub", "given back")
    await ask(desk, conversation, "ours again")

    assert await states(desk) == [("failed", "thread_held"), ("intent", None), ("intent", None)]


async def test_whoever_takes_the_thread_first_leaves_nothing_to_be_said(desk: Desk) -> None:
    await desk.says(PROBLEM)
    conversation = await heard(desk)
    await desk.settle()
    assert await states(desk) == [("intent", None)]

    await handed_over(desk, conversation, "other", "taken")
    await handed_over(desk, conversation, "other", "told again")

    assert await states(desk) == [("failed", "thread_held")]
    (failed,) = await desk.stated(ReplyFailed)
    assert "Otra aplicación" in failed.data.explanation_es


@pytest.mark.parametrize(("waited", "opens"), [(timedelta(minutes=3), 1), (timedelta(hours=25), 0)])
async def test_a_thread_that_a_bot_hands_over_gets_a_case_with_an_answer(
    desk: Desk, waited: timedelta, opens: int
) -> None:
    await desk.says(PROBLEM, fields={"standby": True})
    conversation = await heard(desk)
    await desk.settle()
    desk.clock.move(waited)
    assert await desk.rows(cases) == []

    await handed_over(desk, conversation, "hub", "given")
    desk.clock.move(timedelta(seconds=1))
    await handed_over(desk, conversation, "hub", "told again")

    assert [case.summary for case in await desk.rows(cases)] == [PROBLEM] * opens
    assert await states(desk) == [("intent", None)] * opens
    assert [row.case_id is not None for row in await desk.rows(messages) if row.direction == "in"] == [bool(opens)]


async def test_a_held_thread_opens_a_case_without_a_greeting(desk: Desk) -> None:
    await desk.says(PROBLEM)
    conversation = await heard(desk)

    def hold(unit: UnitOfWork) -> None:
        tx = unit.begin(Origin("held", "ingest", "provider"))
        conversations.hold(tx, conversation, "other", tx.now)

    await desk.store.transact(hold, name="test.hold")
    await desk.settle()

    assert len(await desk.rows(cases)) == 1
    assert await desk.rows(effects) == []


@pytest.mark.feature("CI-08", part="whatsapp")
async def test_a_colleagues_answer_takes_back_what_the_hub_was_about_to_say(desk: Desk) -> None:
    await desk.says(PROBLEM)
    conversation = await heard(desk)
    await desk.settle()
    await ask(desk, conversation, "theirs", written_by="person")
    await ask(desk, conversation, "planned", started=True)

    await by_hand(desk, conversation)

    assert await states(desk) == [("failed", "answered_outside"), ("intent", None), ("intent", None)]


async def test_an_answer_from_before_the_customer_wrote_takes_nothing_back(desk: Desk) -> None:
    await desk.says(PROBLEM)
    conversation = await heard(desk)
    await desk.settle()

    await by_hand(desk, conversation, ago=timedelta(hours=1))

    assert await states(desk) == [("intent", None)]


async def test_whoever_answers_through_the_hub_before_its_handlers_is_not_greeted_after(desk: Desk) -> None:
    await desk.says(PROBLEM)
    conversation = await heard(desk)

    def answer(unit: UnitOfWork) -> None:
        answers.answer(unit.begin(Origin("laura", "tests", "cli:laura")), conversation, "Ya lo veo")

    await desk.store.transact(answer, name="test.answer")
    await desk.settle()

    texts = [row.payload.get("text") for row in await desk.rows(effects) if row.kind == "send_message"]
    (case,) = await desk.rows(cases)
    assert texts == ["Ya lo veo"]
    assert case.left_to_people_at is not None
