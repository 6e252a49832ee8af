"""What the sender makes of everything that can happen on the way to a page's Graph API."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.facebook.client import Request, request_of
from hub.contracts import Accepted, Alias, Rejected
from tests.connectors.facebook.harness import ANA, PAGE, PSID, call, running, sender_to

COMMENT = {"comment_id": "778899_112233"}


def test_a_message_answers_within_the_window_with_our_correlation() -> None:
    assert request_of(call()) == Request(
        f"{PAGE}/messages",
        {
            "recipient": {"id": PSID},
            "messaging_type": "RESPONSE",
            "message": {"text": "Su folio es T-1042", "metadata": "ef_example01"},
        },
        "message_id",
    )


def test_only_what_a_person_wrote_is_tagged() -> None:
    late = {"text": "Ya quedó corregido", "window": "human_agent"}

    by_a_person = request_of(call(payload={**late, "written_by": "person"}))
    in_time = request_of(call(payload={"text": "Hola", "written_by": "person"}))
    by_the_hub = request_of(call(payload=late))

    assert isinstance(by_a_person, Request)
    assert (by_a_person.body["messaging_type"], by_a_person.body["tag"]) == ("MESSAGE_TAG", "HUMAN_AGENT")
    assert isinstance(in_time, Request)
    assert "tag" not in in_time.body
    assert isinstance(by_the_hub, Rejected)
    assert by_the_hub.code == "window"


def test_comments_are_answered_in_public_or_in_private() -> None:
    public = request_of(call(kind="comment_reply", reply_to=COMMENT))
    private = request_of(call(kind="private_reply", reply_to=COMMENT))

    assert isinstance(public, Request)
    assert (public.path, public.body) == ("778899_112233/comments", {"message": "Su folio es T-1042"})
    assert isinstance(private, Request)
    assert (private.path, private.body["recipient"]) == (f"{PAGE}/messages", COMMENT)
    assert private.body["message"]["metadata"] == "ef_example01"


def test_a_sign_of_life_goes_alone() -> None:
    made = request_of(call(kind="sign", payload={"sign": "read"}))

    assert isinstance(made, Request)
    assert made.body == {"recipient": {"id": PSID}, "sender_action": "mark_seen"}


@pytest.mark.parametrize(
    "given",
    [
        {"reply_to": {}},
        {"reply_to": {"id": "Ana"}},
        {"reply_to": {"user_ref": "two words"}},
        {"kind": "private_reply"},
        {"kind": "comment_reply", "reply_to": {"comment_id": "../me"}},
        {"kind": "comment_reply", "reply_to": COMMENT, "text": " "},
        {"kind": "sign", "payload": {"sign": "dance"}},
        {"kind": "sign", "payload": {"sign": "read"}, "reply_to": COMMENT},
        {"text": "x" * 2000},
        {"text": ""},
        {"payload": {}},
        {"payload": {"text": 7}},
        {"kind": "send_template"},
        {"asset": "../me"},
        {"asset": "99999"},
        {"effect_id": "e" * 1000},
    ],
)
async def test_what_facebook_could_never_take_is_rejected_before_it_leaves(given: dict[str, Any]) -> None:
    sender = sender_to("http://127.0.0.1:1")

    outcome = await sender.send(call(**given))
    await sender.close()

    assert isinstance(outcome, Rejected)
    assert outcome.explanation_es.endswith(".")


async def test_a_message_arrives_once_with_its_correlation() -> None:
    async with running() as rig:
        sender = rig.sender()
        outcome = await sender.send(call())
        await sender.close()

        assert isinstance(outcome, Accepted)
        phone = await rig.control("GET", f"phones/{ANA}")
        assert [(line["id"], line["text"], line["effect"]) for line in phone["messages"]] == [
            (outcome.provider_id, "Su folio es T-1042", "ef_example01")
        ]


async def test_a_comment_is_answered_once_in_public_once_in_private() -> None:
    async with running() as rig:
        comment = await rig.control("POST", "comment", {"from": ANA, "text": "¿Sirve para CFDI 4.0?"})
        about = {"comment_id": comment["id"]}
        sender = rig.sender()
        public, again, private, second = [
            await sender.send(call(kind=kind, reply_to=about))
            for kind in ("comment_reply", "comment_reply", "private_reply", "private_reply")
        ]
        lost = await sender.send(call(kind="comment_reply", reply_to={"comment_id": "1_2"}))
        await sender.close()

    assert isinstance(public, Accepted)
    assert isinstance(private, Accepted)
    assert (public.learned, private.learned) == ((), (Alias("facebook-psid", f"{PAGE}:{PSID}"),))
    assert isinstance(again, Rejected)
    assert isinstance(second, Rejected)
    assert isinstance(lost, Rejected)
    assert [again.code, second.code, lost.code] == ["506", "100/2534025", "100/33"]


async def test_a_sign_of_life_is_taken_without_a_message() -> None:
    async with running() as rig:
        sender = rig.sender()
        outcome = await sender.send(call(kind="sign", payload={"sign": "typing"}))
        await sender.close()

        assert outcome == Accepted("ef_example01")
        assert (await rig.control("GET", f"phones/{ANA}"))["messages"] == []
