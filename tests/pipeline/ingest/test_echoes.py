"""What left our number by other hands is recorded; what the hub sent itself is settled by its echo."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from hub.contracts import (
    Accepted,
    AmendmentItem,
    CommentItem,
    EchoItem,
    Item,
    MessageItem,
    Party,
    Unclear,
    WatermarkItem,
)
from hub.contracts.parties import Alias
from hub.pipeline.effects import settle
from hub.settings import Waits
from tests.pipeline.ingest.rig import Rig
from tests.support.clock import MONDAY_MORNING
from tests.support.replying import ask, attempt, effect
from tests.support.webhooks import ANA, NUMBER, of_messages, of_statuses, status, text

PSID = Party((Alias("facebook-psid", "1/77"),), {"id": "77"}, "Ana")
AT = MONDAY_MORNING - timedelta(minutes=3)


def echoes(*found: dict[str, Any]) -> bytes:
    value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": NUMBER}, "message_echoes": list(found)}
    entry = {"id": "123450000000001", "changes": [{"field": "smb_message_echoes", "value": value}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def by_hand(id_: str = "wamid.echo", words: str = "Lo vemos ahora") -> dict[str, Any]:
    told = text(id_, words, sender="525541234567")
    return {**told, "to": ANA}


@pytest.mark.feature("CI-08", part="whatsapp")
async def test_what_a_colleague_wrote_is_an_outgoing_message_of_that_conversation(rig: Rig) -> None:
    await rig.take(of_messages(text("wamid.1")), echoes(by_hand()), echoes(by_hand()))

    (echoed,) = await rig.events("reply.echoed")
    (received,) = await rig.events("message.received")
    assert (echoed.partitionkey, echoed.data.text, echoed.actor) == (received.partitionkey, "Lo vemos ahora", "staff")
    rows = await rig.rows("SELECT direction, state, kind FROM messages ORDER BY position")
    assert [tuple(row) for row in rows] == [("in", "received", "text"), ("out", "echoed", "text")]
    assert await rig.count("effects") == 0
    assert await rig.sums() == {"deliveries": 3, "items": 3, "published": 2, "duplicate": 1}


@pytest.mark.parametrize("early", [True, False], ids=["before the echo", "after it"])
async def test_how_far_a_colleagues_words_came_waits_for_nothing(rig: Rig, early: bool) -> None:  # noqa: FBT001
    bodies = [echoes(by_hand()), of_statuses(status("wamid.echo", "delivered"))]

    await rig.take(*(reversed(bodies) if early else bodies))

    assert await rig.count("waiting_items") == 0
    assert await rig.sums() == {"deliveries": 2, "items": 2, "published": 1, "ignored": 1}


@pytest.mark.feature("CI-08", part="whatsapp")
async def test_an_echo_to_somebody_new_opens_their_conversation_but_no_window(rig: Rig) -> None:
    await rig.take(echoes(by_hand()))

    ((window,),) = await rig.rows("SELECT window_opened_at FROM conversations")
    assert window is None
    assert len(await rig.events("conversation.opened")) == 1


def scripted(rig: Rig, *items: Item) -> None:
    rig.scripted(lambda _: items)


async def our_reply(rig: Rig, *outcomes: Any) -> str:
    """Return the id of a reply to Ana on the scripted channel, whose attempt ended so."""
    scripted(rig, MessageItem("1", "m_1", AT, PSID, "text", "Hola"))
    await rig.take(b"hola", connector="scripted")
    ((conversation,),) = await rig.rows("SELECT id FROM conversations")
    (reply_id,) = await ask(rig.store, conversation, "Su folio es T-1042")
    await attempt(rig.store, reply_id, *outcomes)
    return reply_id


async def state(rig: Rig, reply_id: str) -> str:
    ((found,),) = await rig.rows("SELECT state FROM messages WHERE id = :id", id=reply_id)
    return str(found)


@pytest.mark.parametrize("known_by", ["correlation", "provider id"])
async def test_the_echo_of_our_own_message_settles_its_effect_and_is_no_second_message(rig: Rig, known_by: str) -> None:
    by_id = known_by == "provider id"
    reply_id = await our_reply(rig, Accepted("m_ours") if by_id else Unclear("lost"))
    learned = Party((*PSID.aliases, Alias("facebook-user", "1/9")), {"id": "77"})
    scripted(
        rig, EchoItem("1", "m_ours", rig.clock.now(), learned, "text", "x", correlation=None if by_id else reply_id)
    )

    await rig.take(b"echo", connector="scripted")
    await rig.take(b"echo", connector="scripted")

    assert await rig.events("reply.echoed") == []
    assert len(await rig.events("reply.sent")) == 1
    assert ((await effect(rig.store, reply_id)).state, await state(rig, reply_id)) == ("confirmed", "sent")
    assert await rig.count("messages", "direction = 'out'") == 1
    owners = {row.alias: row.contact_id for row in await rig.rows("SELECT alias, contact_id FROM identities")}
    assert owners["facebook-user:1/9"] == owners["facebook-psid:1/77"]


ABOUT = {"comment_id": "c1"}


def comment(id_: str = "c1", parent: str | None = None) -> CommentItem:
    return CommentItem("1", id_, AT, PSID, "post", parent or id_, {"comment_id": id_}, "¿Sirve?", parent)


def answer(words: str = "Gracias", *, id_: str = "c1_a", quoted: str = "c1") -> EchoItem:
    return EchoItem("1", id_, AT, None, "comment", words, quoted_provider_id=quoted)


@pytest.mark.feature("CI-06")
@pytest.mark.feature("CI-08", part="facebook")
@pytest.mark.parametrize("early", [True, False], ids=["before the comment", "after it"])
async def test_what_a_colleague_answers_in_public_stands_below_the_comment(rig: Rig, early: bool) -> None:  # noqa: FBT001
    edited = AmendmentItem("1", "e1", AT, "c1_a", "edit", text="Gracias, Ana", by="company")
    later: list[Item] = [edited, answer()]
    scripted(rig, *([*later, comment()] if early else [comment(), *later]))

    await rig.take(b"x", b"x", connector="scripted")

    (posted,) = await rig.events("comment.posted")
    (echoed,) = await rig.events("reply.echoed")
    assert (echoed.partitionkey, echoed.data.text, echoed.actor) == (posted.partitionkey, "Gracias", "staff")
    assert echoed.data.contact_id == posted.data.contact_id
    rows = await rig.rows("SELECT direction, state, text, quoted_provider_id FROM messages WHERE direction = 'out'")
    assert [tuple(row) for row in rows] == [("out", "echoed", "Gracias, Ana", "c1")]
    assert await rig.count("waiting_items") == await rig.count("effects") == 0
    assert await rig.sums("scripted") == {"deliveries": 2, "items": 6, "published": 3, "duplicate": 3}


async def below(rig: Rig, *comments: CommentItem, words: str = "Gracias") -> list[str]:
    """Return the ids of public answers to comments, none of which the provider's answer has named."""
    scripted(rig, *comments)
    await rig.take(b"comments", connector="scripted")
    ((conversation,),) = await rig.rows("SELECT DISTINCT conversation_id FROM messages")
    found = []
    for one in comments:
        about = {"comment_id": one.provider_id}
        found += await ask(rig.store, conversation, words, cause=one.provider_id, kind="comment_reply", reply_to=about)
        await attempt(rig.store, found[-1], Unclear("lost"))
    return found


@pytest.mark.parametrize("answered", ["sending", "lost", "later"])
async def test_our_own_public_line_is_known_again_by_its_words(rig: Rig, answered: str) -> None:
    scripted(rig, comment())
    await rig.take(b"comment", connector="scripted")
    ((conversation,),) = await rig.rows("SELECT id FROM conversations")
    (reply_id,) = await ask(rig.store, conversation, "Gracias", kind="comment_reply", reply_to=ABOUT)
    await attempt(rig.store, reply_id, *([Unclear("lost")] if answered == "lost" else []))
    row = await effect(rig.store, reply_id)

    scripted(rig, answer("Gracias "), answer("Otra cosa", id_="c1_b"))
    await rig.take(b"echoes", connector="scripted")
    if answered == "later":
        await rig.store.transact(settle.outcomes([(row, Accepted("c1_a"))], Waits()), name="tests.late")

    assert ((await effect(rig.store, reply_id)).state, await state(rig, reply_id)) == ("confirmed", "sent")
    assert len(await rig.events("reply.sent")) == 1
    (other,) = await rig.events("reply.echoed")
    assert other.data.text == "Otra cosa"


async def test_two_lines_in_one_thread_are_each_known_once(rig: Rig) -> None:
    first, second = await below(rig, comment(), comment("c2", parent="c1"))

    # Facebook tells an answer to an answer below the top comment.
    scripted(rig, answer(id_="c1_a"), answer(id_="c1_b"), answer(id_="c1_c"))
    await rig.take(b"echoes", connector="scripted")

    for one in (first, second):
        assert (await effect(rig.store, one)).state == "confirmed"
    assert {(await effect(rig.store, one)).provider_id for one in (first, second)} == {"c1_a", "c1_b"}
    (by_hand,) = await rig.events("reply.echoed")
    assert by_hand.data.provider_message_id == "c1_c"


@pytest.mark.parametrize("order", ["echo first", "mark first"])
async def test_a_watermark_reads_what_was_sent_up_to_it_in_any_order(rig: Rig, order: str) -> None:
    reply_id = await our_reply(rig, Unclear("lost"))
    sent_at = rig.clock.now()
    rig.clock.move(timedelta(minutes=1))
    echo = EchoItem("1", "m_ours", sent_at, PSID, "text", "x", correlation=reply_id)
    marks: list[Item] = [
        WatermarkItem("1", "77/read/1", sent_at - timedelta(seconds=1), PSID, "delivered"),
        WatermarkItem("1", "77/read/2", sent_at, PSID, "read"),
    ]
    for number, item in enumerate([echo, *marks] if order == "echo first" else [*marks, echo]):
        scripted(rig, item)
        await rig.take(str(number).encode(), connector="scripted")

    assert await state(rig, reply_id) == "read"
    assert [event.data.reply_id for event in await rig.events("reply.read")] == [reply_id]
    assert await rig.events("reply.delivered") == []


async def test_a_watermark_says_nothing_of_what_was_sent_after_it(rig: Rig) -> None:
    before = rig.clock.now()
    reply_id = await our_reply(rig)
    rig.clock.move(timedelta(minutes=1))
    scripted(rig, EchoItem("1", "m_ours", rig.clock.now(), PSID, "text", "x", correlation=reply_id))
    await rig.take(b"echo", connector="scripted")

    scripted(rig, WatermarkItem("1", "77/read/1", before, PSID, "read"))
    await rig.take(b"mark", connector="scripted")

    assert await state(rig, reply_id) == "sent"
    assert (await rig.sums("scripted"))["ignored"] == 1
