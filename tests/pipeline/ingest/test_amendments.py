"""Edits, deletions, reactions reach the message they speak of, also when they come before it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from hub.contracts import Accepted, AmendmentItem, CommentItem, Item, Party
from hub.contracts.parties import Alias
from tests.pipeline.ingest.rig import Rig
from tests.support.clock import MONDAY_MORNING
from tests.support.replying import ask, attempt, open_conversation
from tests.support.webhooks import Json, of_messages, text

SAID = "wamid.said"


def amending(id_: str, kind: str, *, seconds: int = 0, **content: Any) -> Json:
    at = MONDAY_MORNING - timedelta(minutes=2) + timedelta(seconds=seconds)
    key = "message_id" if kind == "reaction" else "original_message_id"
    return {**text(id_, at=at), "type": kind, kind: {key: content.pop("of", SAID), **content}}


def edit(id_: str, words: str, **more: Any) -> Json:
    return amending(id_, "edit", message={"type": "text", "text": {"body": words}}, **more)


async def message(rig: Rig, provider_id: str = SAID) -> Any:
    ((row,),) = [
        await rig.rows(
            "SELECT text, revision, deleted_at IS NOT NULL AS deleted, reactions, hidden FROM messages"
            " WHERE provider_id = :id",
            id=provider_id,
        )
    ]
    return row


@pytest.mark.feature("NC-07", part="whatsapp")
@pytest.mark.parametrize("early", [True, False], ids=["before its message", "after it"])
async def test_an_amendment_is_applied_once_its_message_is_there(rig: Rig, early: bool) -> None:  # noqa: FBT001
    said = of_messages(text(SAID, "No me deja timbrar la factura"))
    later = of_messages(
        edit("wamid.e", "No me deja timbrar la nómina"),
        amending("wamid.r", "reaction", emoji="👍"),
        amending("wamid.d", "revoke", seconds=30),
    )

    await rig.take(*([later, later, said] if early else [said, later, later]))

    row = await message(rig)
    assert (row.text, row.revision, bool(row.deleted)) == ("No me deja timbrar la nómina", 1, True)
    assert json.loads(row.reactions)["customer"]["emoji"] == "👍"
    types = [event.type for event in await rig.events("message.%")]
    assert types[0] == "hub.message.received.v1"
    assert sorted(types[1:]) == ["hub.message.deleted.v1", "hub.message.edited.v1", "hub.message.reacted.v1"]
    assert await rig.sums() == {"deliveries": 3, "items": 7, "published": 4, "duplicate": 3}
    assert await rig.count("waiting_items") == 0


@pytest.mark.feature("NC-07", part="whatsapp")
async def test_an_early_amendment_waits_with_its_raw_delivery(rig: Rig) -> None:
    await rig.take(of_messages(edit("wamid.e", "corregido")))
    assert await rig.sums() == {"deliveries": 1, "items": 1, "waiting": 1}
    assert await rig.events() == []
    ((delivery,),) = await rig.rows("SELECT id FROM deliveries")

    await rig.take(of_messages(text(SAID)))

    (edited,) = await rig.events("message.edited")
    (received,) = await rig.events("message.received")
    assert (edited.causation, edited.data.text, edited.data.by) == (f"{delivery}/0", "corregido", "customer")
    assert edited.data.message_id == received.data.message_id
    assert edited.partitionkey == received.partitionkey


async def test_the_latest_edit_counts_whichever_comes_last(rig: Rig) -> None:
    await rig.take(of_messages(edit("wamid.2", "segunda", seconds=20), text(SAID), edit("wamid.1", "primera")))

    row = await message(rig)
    assert (row.text, row.revision) == ("segunda", 2)


async def test_a_reaction_taken_back_stays_so_when_the_first_comes_late(rig: Rig) -> None:
    gone = amending("wamid.2", "reaction", seconds=20)
    await rig.take(of_messages(text(SAID), gone), of_messages(amending("wamid.1", "reaction", emoji="❤")))

    assert "emoji" in json.loads((await message(rig)).reactions)["customer"]
    assert json.loads((await message(rig)).reactions)["customer"]["emoji"] is None
    assert [event.data.emoji for event in await rig.events("message.reacted")] == [None, "❤"]


async def test_a_reaction_opens_nothing(rig: Rig) -> None:
    await rig.take(of_messages(amending("wamid.r", "reaction", emoji="👍", of="wamid.never-seen")))

    assert await rig.count("conversations") == await rig.count("contacts") == await rig.count("messages") == 0


async def test_a_reaction_to_our_message_waits_until_its_id_is_known(rig: Rig) -> None:
    conversation = await open_conversation(rig.store)
    (reply_id,) = await ask(rig.store, conversation, "Hola")
    await rig.take(of_messages(amending("wamid.r", "reaction", emoji="👍", of="wamid.ours")))
    assert await rig.count("waiting_items") == 1

    await attempt(rig.store, reply_id, Accepted("wamid.ours"))

    (reacted,) = await rig.events("message.reacted")
    assert (reacted.data.message_id, reacted.data.emoji) == (reply_id, "👍")
    assert await rig.sums() == {"deliveries": 1, "items": 1, "published": 1}


async def test_comments_are_threads_of_their_own_edited_hidden_taken_back(rig: Rig) -> None:
    ana = Party((Alias("facebook-user", "1/77"),), {"id": "77"}, "Ana")
    at = MONDAY_MORNING - timedelta(minutes=1)

    def comment(id_: str, thread: str) -> CommentItem:
        return CommentItem("1", id_, at, ana, thread, thread, {"comment_id": id_}, text="¿Sirve para CFDI 4.0?")

    items: list[Item] = [
        AmendmentItem("1", "c1/hide", at, "c1", "hide"),
        comment("c1", "post-1"),
        comment("c2", "post-2"),
        AmendmentItem("1", "c1/edit", at, "c1", "edit", text="¿Sirve?"),
        AmendmentItem("1", "c2/gone", at, "c2", "delete"),
    ]
    rig.scripted(lambda _: items)

    await rig.take(b"x", connector="scripted")

    assert (await rig.count("conversations"), await rig.count("contacts")) == (2, 1)
    first, second = await message(rig, "c1"), await message(rig, "c2")
    assert (first.text, json.loads(first.hidden)["company"]["hidden"]) == ("¿Sirve?", True)
    assert bool(second.deleted)
    assert [event.data.provider_message_id for event in await rig.events("comment.posted")] == ["c1", "c2"]
    assert [event.data.hidden for event in await rig.events("message.hidden")] == [True]
    reply_to = {row[0] for row in await rig.rows("SELECT reply_to FROM conversations")}
    assert reply_to == {'{"comment_id":"c1"}', '{"comment_id":"c2"}'}
