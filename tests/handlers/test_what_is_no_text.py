"""A file, a reaction, a colleague's own answer: each is met as people would expect."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from hub.services.conversations import Threads
from hub.store.tables import cases, clocks, effects, messages
from hub.store.transaction import Origin, UnitOfWork
from schemas.content import Attachment
from schemas.conversations import CaseOpened
from schemas.messages import MessageReceived
from schemas.replies import ReplyEchoed, ReplyRequested
from schemas.tickets import ClockBreached, ClockMet, TicketOpened
from tests.support.desk import ASSET, Desk

PHOTO = Attachment(attachment_id="at_1", kind="image")


async def sends(desk: Desk, **fields: Any) -> None:
    """Let Ana send what is no plain text, as ingest states it."""
    await desk.says("", fields=fields)


async def answers_by_hand(desk: Desk) -> None:
    """Let a colleague answer Ana in the provider's own app, as ingest records it."""
    conversation = (await desk.stated(MessageReceived))[0].data

    def record(unit: UnitOfWork) -> None:
        tx = unit.begin(Origin("ev_echo", "ingest", "staff"))
        about: dict[str, Any] = {"conversation_id": conversation.conversation_id, "asset": ASSET, "kind": "text"}
        row = {"id": "ms_echo", "case_id": None, "direction": "out", "connector": "whatsapp", "provider_id": "wamid.e"}
        threads = Threads()
        threads.record(
            {
                **about,
                **row,
                "text": "Lo vemos",
                "state": "echoed",
                "time": tx.now,
                "received_at": tx.now,
                "event_id": "ev_echo",
            },
        )
        threads.save(tx)
        fact = ReplyEchoed(
            **about,
            reply_id="ms_echo",
            contact_id=conversation.contact_id,
            channel="whatsapp",
            provider_message_id="wamid.e",
            text="Lo vemos",
        )
        tx.state(fact, key=conversation.conversation_id, subject="ms_echo", id="ev_echo", time=tx.now)

    await desk.store.transact(record, name="test.echo")


@pytest.mark.parametrize("kind", ["image", "video", "audio", "voice", "document"])
async def test_only_a_file_is_acknowledged_as_one_and_goes_to_a_person(desk: Desk, kind: str) -> None:
    await sends(desk, kind=kind, attachments=(PHOTO,))
    await desk.settle()

    (reply,) = await desk.stated(ReplyRequested)
    assert "recibimos su archivo" in reply.data.text
    assert "no entend" not in reply.data.text.lower()
    assert len(await desk.stated(TicketOpened)) == 1


async def test_a_file_joins_the_open_case_without_another_answer(desk: Desk) -> None:
    await desk.says("No timbra")
    await sends(desk, kind="image", attachments=(PHOTO,))
    await desk.settle()

    (case,) = await desk.rows(cases)
    inbound = [row for row in await desk.rows(messages) if row.direction == "in"]
    assert [row.case_id for row in inbound] == [case.id, case.id]
    assert len(await desk.stated(ReplyRequested)) == 1


async def test_a_caption_is_answered_as_words(desk: Desk) -> None:
    await desk.says("pantalla del error", fields={"kind": "image", "attachments": (PHOTO,)})
    await desk.settle()

    (case,) = await desk.rows(cases)
    assert case.summary == "pantalla del error"
    assert "Recibimos su mensaje" in (await desk.stated(ReplyRequested))[0].data.text


async def test_a_document_without_words_is_titled_by_its_name(desk: Desk) -> None:
    file = Attachment(attachment_id="at_1", kind="document", filename="Factura A-1029.xml")
    await sends(desk, kind="document", attachments=(file,))
    await desk.settle()

    (case,) = await desk.rows(cases)
    assert case.summary == "[documento] Factura A-1029.xml"


@pytest.mark.parametrize("fields", [{"kind": "welcome"}, {"kind": "referral"}, {"kind": "text", "standby": True}])
async def test_where_nothing_is_asked_of_us_no_case_opens(desk: Desk, fields: dict[str, Any]) -> None:
    await desk.says("hola" if fields["kind"] == "text" else "", fields=fields)
    await desk.settle()

    assert await desk.stated(CaseOpened) == []
    assert await desk.rows(effects) == []


@pytest.mark.feature("CI-08", part="whatsapp")
async def test_a_colleagues_own_answer_meets_the_first_response_and_is_never_answered(desk: Desk) -> None:
    await desk.says("No timbra")
    await desk.settle()
    asked = len(await desk.stated(ReplyRequested))
    desk.clock.move(timedelta(minutes=12))

    await answers_by_hand(desk)
    await desk.settle()

    (met,) = await desk.stated(ClockMet)
    assert (met.data.name, met.data.met_at) == ("first_response", desk.clock.now())
    assert {row.name: row.state for row in await desk.rows(clocks)} == {
        "first_response": "met",
        "resolution": "running",
    }
    (case,) = await desk.rows(cases)
    assert case.left_to_people_at == desk.clock.now()
    assert [row.case_id for row in await desk.rows(messages) if row.state == "echoed"] == [case.id]
    assert len(await desk.stated(ReplyRequested)) == asked
    await desk.time_comes(met.data.due_at + timedelta(minutes=1))
    assert [event.data.name for event in await desk.stated(ClockBreached)] == []


@pytest.mark.feature("CI-08", part="whatsapp")
async def test_who_was_answered_before_the_hub_came_to_it_is_not_greeted(desk: Desk) -> None:
    await desk.says("No timbra")
    await answers_by_hand(desk)
    await desk.settle()

    assert await desk.stated(ReplyRequested) == []
    assert len(await desk.stated(TicketOpened)) == 1
    assert {row.name: row.state for row in await desk.rows(clocks)} == {
        "first_response": "met",
        "resolution": "running",
    }
