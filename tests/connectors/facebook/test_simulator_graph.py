"""The simulated Graph API of a page refuses what Meta's refuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.facebook.simulator.subscriptions import FIELDS
from tests.connectors.facebook.harness import ANA, PAGE, PSID, TOKEN, running

GOOD: dict[str, Any] = {"recipient": {"id": PSID}, "messaging_type": "RESPONSE", "message": {"text": "Hola"}}


@pytest.mark.parametrize(
    ("changed", "given", "status", "code", "subcode"),
    [
        ({}, {"token": "EAAG-other"}, 401, 190, None),
        ({}, {"params": {"appsecret_proof": "0" * 64}}, 400, 100, None),
        ({}, {"path": f"v1.0/{PAGE}/messages"}, 400, 2500, None),
        ({}, {"path": "v26.0/999/messages"}, 400, 100, 33),
        ({"recipient": None}, {}, 400, 100, None),
        ({"recipient": {"id": 7}}, {}, 400, 100, None),
        ({"recipient": {"id": "Ana"}}, {}, 400, 100, 2018001),
        ({"recipient": {"id": PSID, "comment_id": "1_2"}}, {}, 400, 100, None),
        ({"recipient": {"comment_id": "1_2"}, "messaging_type": None}, {}, 400, 100, 33),
        ({"messaging_type": None}, {}, 400, 100, None),
        ({"messaging_type": "MESSAGE_TAG"}, {}, 400, 100, None),
        ({"messaging_type": "MESSAGE_TAG", "tag": "ACCOUNT_UPDATE"}, {}, 400, 100, 1893061),
        ({"tag": "HUMAN_AGENT"}, {}, 400, 100, None),
        ({"message": None}, {}, 400, 100, None),
        ({"message": {"text": ""}}, {}, 400, 100, None),
        ({"message": {"text": "x" * 2000}}, {}, 400, 100, None),
        ({"message": {"text": "x", "metadata": "x" * 1000}}, {}, 400, 100, None),
        ({"message": {"text": "x", "quick_replies": [{"title": "x" * 21}]}}, {}, 400, 100, None),
        (
            {"message": {"attachment": {"type": "hologram", "payload": {"url": "https://x.example"}}}},
            {},
            400,
            100,
            None,
        ),
        ({"sender_action": "typing_on"}, {}, 400, 100, None),
        ({"colour": "blue"}, {}, 400, 100, None),
    ],
)
async def test_what_meta_refuses_is_refused_with_its_code(
    changed: dict[str, Any], given: dict[str, Any], status: int, code: int, subcode: int | None
) -> None:
    body = {name: value for name, value in (GOOD | changed).items() if value is not None}
    async with running() as rig:
        answer = await rig.graph(given.pop("path", f"v26.0/{PAGE}/messages"), body, **given)

        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error.get("error_subcode")) == (status, code, subcode)
        (entry,) = await rig.ledger("send")
        assert (entry["taken"], entry["code"]) == (False, code)


async def wrote_ago(rig: Any, ago: timedelta) -> None:
    at = int((datetime.now(UTC) - ago).timestamp() * 1000)
    await rig.control("POST", "say", {"from": ANA, "text": "Hola", "at": at})


@pytest.mark.parametrize(
    ("hours", "tagged", "subcode"),
    [
        (None, False, 2018001),
        (1, False, None),
        (23, True, None),
        (25, False, 2018278),
        (25, True, None),
        (24 * 7 + 1, True, 2018278),
    ],
)
async def test_windows_shut_by_the_clock(hours: int | None, tagged: bool, subcode: int | None) -> None:  # noqa: FBT001
    manner = {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"} if tagged else {}
    async with running(windows_shut=True) as rig:
        if hours is not None:
            await wrote_ago(rig, timedelta(hours=hours))
        answer = await rig.graph(f"v26.0/{PAGE}/messages", GOOD | manner)

    assert answer.json().get("error", {}).get("error_subcode") == subcode


async def test_a_comment_opens_no_window_but_one_private_reply() -> None:
    private = {"recipient": {}, "message": {"text": "Le escribimos por privado"}}
    async with running(windows_shut=True) as rig:
        comment = await rig.control("POST", "comment", {"from": ANA, "text": "¿Precio?"})
        old = int((datetime.now(UTC) - timedelta(days=8)).timestamp())
        late = await rig.control("POST", "comment", {"from": ANA, "text": "¿Precio?", "at": old})
        chat = await rig.graph(f"v26.0/{PAGE}/messages", GOOD)
        first, second, too_late = [
            await rig.graph(f"v26.0/{PAGE}/messages", private | {"recipient": {"comment_id": one["id"]}})
            for one in (comment, comment, late)
        ]

    assert chat.json()["error"]["error_subcode"] == 2018278
    assert first.json()["recipient_id"] == PSID
    assert second.json()["error"]["error_subcode"] == 2534025
    assert too_late.json()["error"]["error_subcode"] == 2534025


async def test_fields_are_subscribed_read_back_ended() -> None:
    async with running() as rig:
        url = f"{rig.url}/v26.0/{PAGE}/subscribed_apps"
        headers = {"authorization": f"Bearer {TOKEN}"}
        fields = ",".join(sorted(FIELDS))
        wrong = await rig.http.post(url, params={"subscribed_fields": "messages,gossip"}, headers=headers)
        none = await rig.http.get(url, headers=headers)
        done = await rig.http.post(url, params={"subscribed_fields": fields}, headers=headers)
        found = await rig.http.get(url, headers=headers)
        ended = await rig.http.delete(url, headers=headers)
        after = await rig.http.get(url, headers=headers)
        stranger = await rig.http.get(url)

    assert wrong.json()["error"]["code"] == 100
    assert none.json() == after.json() == {"data": []}
    assert done.json() == ended.json() == {"success": True}
    assert (found.json()["data"][0]["id"], found.json()["data"][0]["subscribed_fields"]) == (
        "456780000000004",
        sorted(FIELDS),
    )
    assert stranger.status_code == 401
