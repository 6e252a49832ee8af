"""A public comment that asks something gets one fixed line with one private reply, never more."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any

import pytest

from hub.contracts import Alias, EchoItem, Party
from hub.domain.policies import Answers
from hub.services import conversations, echoes, timeline
from hub.services.contacts import People
from hub.services.conversations import Heard, Threads
from hub.services.echoes import Echo
from hub.store.tables import cases, clocks, effects, messages, tickets
from hub.store.transaction import Origin, Transaction, UnitOfWork
from schemas import ids
from schemas.conversations import CaseDiagnosed, CaseOpened
from schemas.messages import CommentPosted, MessageReceived
from schemas.replies import ReplyRequested
from tests.support.desk import Desk

PAGE = "345670000000003"
LINE = "¡Gracias por escribirnos! Le contestamos por mensaje privado."
QUESTION = "¿Sirve para CFDI 4.0? Mi teléfono es 222 123 4567"
_NUMBERS = itertools.count(1)


def _known(tx: Transaction, party: Party) -> tuple[str, Threads]:
    """Return somebody's contact with what conversations there are."""
    people, threads = People(), Threads()
    people.look_up(tx, [party])
    contact, _ = people.resolve(tx, party)
    people.save(tx)
    threads.look_up(tx, [contact])
    return contact, threads


async def comments(desk: Desk, text: str, *, by: str = "7654", at: datetime | None = None, **more: Any) -> str:
    """Let somebody comment, as ingest records it; return the comment's id."""
    number = next(_NUMBERS)
    comment_id = f"778899_{number}"
    event_id = ids.item_event_id("/test/comment", str(number))
    party = Party((Alias("facebook-user", f"{PAGE}:{by}"),), {"comment_id": comment_id}, "Ana Torres")

    def record(unit: UnitOfWork) -> None:
        tx = unit.begin(Origin(event_id, "ingest", "customer"))
        contact, threads = _known(tx, party)
        conversation, _ = threads.find_or_open(
            tx,
            contact=contact,
            channel="facebook",
            connector="facebook",
            asset=PAGE,
            reply_to=dict(party.reply_to),
            thread="778899_1",
            heard=Heard(),
        )
        threads.save(tx)
        posted = CommentPosted(
            message_id=f"ms_c{number}",
            conversation_id=conversation,
            contact_id=contact,
            channel="facebook",
            asset=PAGE,
            provider_message_id=comment_id,
            post_id=f"{PAGE}_778899",
            text=text,
            author_name="Ana Torres",
            **more,
        )
        tx.state(posted, key=conversation, subject=posted.message_id, id=event_id, time=at or tx.now)

    await desk.store.transact(record, name="test.comments")
    await desk.settle()
    return comment_id


async def writes(desk: Desk, text: str, *, by: str = "7654") -> str:
    """Let whoever commented write in the chat; return the message's id."""
    number = next(_NUMBERS)
    event_id = ids.item_event_id("/test/chat", str(number))
    party = Party((Alias("facebook-user", f"{PAGE}:{by}"),), {"id": by}, "Ana Torres")

    def record(unit: UnitOfWork) -> None:
        tx = unit.begin(Origin(event_id, "ingest", "customer"))
        contact, threads = _known(tx, party)
        conversation, opened = threads.find_or_open(
            tx,
            contact=contact,
            channel="facebook",
            connector="facebook",
            asset=PAGE,
            reply_to=dict(party.reply_to),
            heard=Heard(tx.now),
        )
        about = {"conversation_id": conversation, "contact_id": contact, "channel": "facebook", "asset": PAGE}
        threads.record(
            {
                "id": f"ms_w{number}",
                "conversation_id": conversation,
                "case_id": None,
                "direction": "in",
                "connector": "facebook",
                "asset": PAGE,
                "provider_id": f"m_{number}",
                "kind": "text",
                "text": text,
                "state": "received",
                "time": tx.now,
                "received_at": tx.now,
                "event_id": event_id,
            }
        )
        threads.save(tx)
        received = MessageReceived(
            **about,
            message_id=f"ms_w{number}",
            provider_message_id=f"m_{number}",
            kind="text",
            text=text,
            first_in_conversation=opened,
        )
        tx.state(received, key=conversation, subject=received.message_id, id=event_id)

    await desk.store.transact(record, name="test.writes")
    await desk.settle()
    return f"ms_w{number}"


async def answers_by_hand(desk: Desk, conversation: str) -> None:
    """Let a colleague answer below the comment, as ingest records it."""
    number = next(_NUMBERS)
    item = EchoItem(PAGE, f"778899_{number}", desk.clock.now(), None, "comment", "Sí sirve")
    found = Echo(item, f"ev_h{number}", "facebook", "facebook", conversation, "ct", desk.clock.now())

    def record(unit: UnitOfWork) -> None:
        tx = unit.begin(Origin(found.id, "ingest", "staff"))
        row, _ = echoes.tell(tx, found, desk.clock.now())
        conversations.record(tx, row)

    await desk.store.transact(record, name="test.echo")
    await desk.settle()


async def asked_for(desk: Desk) -> list[tuple[str, dict[str, str], str]]:
    """Return (kind, address, text) of what the page was asked to say."""
    return [(row.kind, row.reply_to, row.payload["text"]) for row in await desk.rows(effects)]


async def test_a_question_is_answered_once_in_public_once_in_private(desk: Desk) -> None:
    comment = await comments(desk, QUESTION)

    (public, private) = await asked_for(desk)
    assert public == (
        "comment_reply",
        {"comment_id": comment},
        LINE,
    )
    assert private[:2] == ("private_reply", {"comment_id": comment})
    assert private[2].startswith("Hola Ana, gracias por su comentario.")
    (case,) = await desk.rows(cases)
    assert case.summary == QUESTION
    assert [event.data.needs_ticket for event in await desk.stated(CaseDiagnosed)] == [True]


async def test_nothing_of_the_person_stands_in_public(desk: Desk) -> None:
    await comments(desk, QUESTION)

    public = next(text for kind, _, text in await asked_for(desk) if kind == "comment_reply")
    for known in ("Ana", "222", "CFDI", "T-1"):
        assert known not in public


@pytest.mark.parametrize("text", ["😍", "Luis Pérez", "¡Excelente servicio!", ""])
async def test_applause_opens_nothing(desk: Desk, text: str) -> None:
    await comments(desk, text)

    assert await asked_for(desk) == []
    assert await desk.rows(cases) == []


async def test_what_follows_below_it_joins_without_another_answer(desk: Desk) -> None:
    await comments(desk, QUESTION)
    await comments(desk, "¿Y para nómina?")

    assert len(await asked_for(desk)) == 2
    assert len(await desk.rows(cases)) == 1


async def test_an_old_question_opens_a_case_without_a_word(desk: Desk) -> None:
    await comments(desk, QUESTION, at=desk.clock.now() - timedelta(hours=3))

    assert await desk.stated(ReplyRequested) == []
    assert len(await desk.rows(cases)) == 1


@pytest.mark.feature("CI-08", part="facebook")
async def test_whoever_was_answered_by_a_colleague_hears_nothing_more(desk: Desk) -> None:
    asked_at = desk.clock.now()
    await comments(desk, "😍", at=asked_at)
    (posted,) = await desk.stated(CommentPosted)
    await answers_by_hand(desk, posted.data.conversation_id)

    await comments(desk, QUESTION, at=asked_at)
    (case,) = await desk.rows(cases)
    await answers_by_hand(desk, posted.data.conversation_id)

    assert await asked_for(desk) == []
    assert case.left_to_people_at is None
    ((left),) = await desk.rows(cases)
    assert left.left_to_people_at is not None


@pytest.mark.feature("CI-06")
async def test_what_the_person_then_writes_in_the_chat_goes_on_with_the_comments_case(desk: Desk) -> None:
    await comments(desk, QUESTION)
    written = await writes(desk, "Uso Microsip 2026")
    (case,) = await desk.rows(cases)
    (ticket,) = await desk.rows(tickets)
    (said,) = await desk.stated(MessageReceived)
    await answers_by_hand(desk, said.partitionkey)

    (message,) = [row for row in await desk.rows(messages) if row.id == written]
    assert message.case_id == case.id
    assert said.partitionkey != case.conversation_id
    # No second answer, and a colleague's word in the chat ends the hub's part in the one case.
    assert [kind for kind, _, _ in await asked_for(desk)] == ["comment_reply", "private_reply"]
    ((left),) = await desk.rows(cases)
    assert left.left_to_people_at is not None
    (first,) = [row for row in await desk.rows(clocks) if row.name == "first_response"]
    assert first.state == "met"
    told = await desk.store.read(lambda tx: timeline.of_ticket(tx, ticket, []))
    assert {said.id, *(event.id for event in await desk.stated(CaseOpened))} <= {event.id for event in told}


async def test_somebody_else_who_writes_in_the_chat_has_a_case_of_their_own(desk: Desk) -> None:
    await comments(desk, QUESTION)
    await writes(desk, "Buenas tardes, no puedo timbrar", by="8888")

    assert len(await desk.rows(cases)) == 2


async def test_below_the_posts_of_others_nothing_is_said(desk: Desk) -> None:
    await comments(desk, QUESTION, mention=True)

    assert await asked_for(desk) == []
    assert await desk.rows(messages) == []


def test_the_public_line_has_no_place_to_fill_in() -> None:
    with pytest.raises(ValueError, match="everybody reads it"):
        Answers(
            greeting_open="Hola",
            greeting_closed="Hola",
            unsupported="Hola",
            late_after_minutes=1,
            comment_public="{name}",
        )


@pytest.mark.feature("CO-01", part="facebook")
async def test_the_private_reply_is_given_up_when_facebook_would_take_it_no_more(desk: Desk) -> None:
    asked_at = desk.clock.now() - timedelta(minutes=90)
    await comments(desk, QUESTION, at=asked_at)
    await desk.settle()

    (private,) = [row for row in await desk.rows(effects) if row.kind == "private_reply"]
    assert private.useful_until == asked_at + timedelta(days=7) - timedelta(minutes=1)
