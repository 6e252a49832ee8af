"""What is edited, unsent or reacted to in Messenger reaches its message, also when it comes first."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from connectors.facebook import CONNECTOR
from hub.contracts import Accepted
from tests.pipeline.ingest.rig import Rig
from tests.support.clock import MONDAY_MORNING
from tests.support.replying import ask, attempt, open_conversation
from tests.support.webhooks import Json

PAGE = "345670000000003"
ANA = "6543210987654321"
POST = f"{PAGE}_778899"


def told(*items: Json) -> bytes:
    return json.dumps({"object": "page", "entry": [{"id": PAGE, "time": 1, "messaging": list(items)}]}).encode()


def item(seconds: int = 0, **content: Any) -> Json:
    at = MONDAY_MORNING - timedelta(minutes=2) + timedelta(seconds=seconds)
    people = {"sender": {"id": ANA}, "recipient": {"id": PAGE}}
    return {**people, "timestamp": int(at.timestamp() * 1000), **content}


def feed(verb: str, seconds: int = 0, **value: Any) -> bytes:
    at = int((MONDAY_MORNING - timedelta(minutes=2)).timestamp()) + seconds
    whole = {"item": "comment", "verb": verb, "comment_id": "778899_1", "post_id": POST, "parent_id": POST, **value}
    entry = {"id": PAGE, "time": at, "changes": [{"field": "feed", "value": whole}]}
    return json.dumps({"object": "page", "entry": [entry]}).encode()


SAID = item(message={"mid": "m_1", "text": "No me deja timbrar la factura"})
EDITS = [item(9 + n, message_edit={"mid": "m_1", "text": f"corregido {n}", "num_edit": n}) for n in (2, 1)]
LOVED = item(5, reaction={"mid": "m_1", "action": "react", "reaction": "love", "emoji": "❤"})
UNLOVED = item(6, reaction={"mid": "m_1", "action": "unreact"})
UNSENT = item(30, message={"mid": "m_1", "is_deleted": True})


@pytest.fixture(autouse=True)
def _page(rig: Rig) -> None:
    rig.connectors["facebook"] = CONNECTOR


async def message(rig: Rig, provider_id: str) -> Any:
    (row,) = await rig.rows("SELECT * FROM messages WHERE provider_id = :id", id=provider_id)
    return row


@pytest.mark.feature("NC-07", part="facebook")
@pytest.mark.parametrize("early", [True, False], ids=["before its message", "after it"])
async def test_an_amendment_is_applied_once_its_message_is_there(rig: Rig, early: bool) -> None:  # noqa: FBT001
    later = told(*EDITS, UNLOVED, LOVED, UNSENT)

    await rig.take(*([later, later, told(SAID)] if early else [told(SAID), later, later]), connector="facebook")

    row = await message(rig, "m_1")
    assert (row.text, row.revision, row.deleted_at is not None) == ("corregido 2", 2, True)
    assert json.loads(row.reactions)["customer"]["emoji"] is None
    types = [event.type.split(".")[2] for event in await rig.events("message.%")]
    assert types[0] == "received"
    assert sorted(types[1:]) == ["deleted", "edited", "edited", "reacted", "reacted"]
    assert await rig.sums("facebook") == {"deliveries": 3, "items": 11, "published": 6, "duplicate": 5}
    assert await rig.count("waiting_items") == 0


@pytest.mark.feature("NC-07", part="facebook")
async def test_an_early_amendment_waits_with_its_raw_delivery(rig: Rig) -> None:
    await rig.take(told(LOVED), connector="facebook")
    assert await rig.sums("facebook") == {"deliveries": 1, "items": 1, "waiting": 1}
    ((delivery,),) = await rig.rows("SELECT id FROM deliveries")

    await rig.take(told(SAID), connector="facebook")

    (reacted,) = await rig.events("message.reacted")
    (received,) = await rig.events("message.received")
    assert (reacted.causation, reacted.data.emoji) == (f"{delivery}/0", "❤")
    assert (reacted.data.message_id, reacted.partitionkey) == (received.data.message_id, received.partitionkey)


@pytest.mark.feature("NC-07", part="facebook")
async def test_a_reaction_to_our_message_waits_until_its_id_is_known(rig: Rig) -> None:
    conversation = await open_conversation(rig.store, connector="facebook", asset=PAGE)
    (reply_id,) = await ask(rig.store, conversation, "Hola")
    reaction = {"mid": "m_ours", "action": "react", "reaction": "like", "emoji": "👍"}
    await rig.take(told(item(reaction=reaction)), connector="facebook")
    assert await rig.count("waiting_items") == 1

    await attempt(rig.store, reply_id, Accepted("m_ours"))

    (reacted,) = await rig.events("message.reacted")
    assert (reacted.data.message_id, reacted.data.emoji) == (reply_id, "👍")


@pytest.mark.feature("NC-07", part="facebook")
async def test_what_happens_to_a_comment_before_it_is_known_ends_the_same(rig: Rig) -> None:
    author: Json = {"from": {"id": "7654", "name": "Ana"}}
    added = feed("add", message="¿Sirve?", created_time=int(MONDAY_MORNING.timestamp()) - 120, **author)
    edited = feed("edited", 5, message="¿Sirve para CFDI 4.0?", **author)

    await rig.take(feed("remove", 20), feed("unhide", 10), edited, feed("hide", 9), added, connector="facebook")

    row = await message(rig, "778899_1")
    assert (row.text, row.deleted_at is not None) == ("¿Sirve para CFDI 4.0?", True)
    assert json.loads(row.hidden)["company"]["hidden"] is False
    assert await rig.count("waiting_items") == 0
    assert await rig.sums("facebook") == {"deliveries": 5, "items": 5, "published": 5}
