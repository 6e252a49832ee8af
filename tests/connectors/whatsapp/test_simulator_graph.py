"""The simulated Graph API refuses what Meta's refuses."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.connectors.whatsapp.harness import NUMBER_ID, PHONE, TOKEN, running


async def test_a_user_id_in_to_is_answered_well_then_dropped() -> None:
    async with running(statuses=(("sent", 0.0),)) as rig:
        answer = await post(rig.url, rig.http, {"to": "MX.9753124680975312"})
        await asyncio.sleep(0.1)

        assert answer.status_code == 200
        assert (await rig.control("GET", "phones/MX.9753124680975312"))["messages"] == []
        (entry,) = await rig.ledger("send")
        assert (entry["taken"], entry["delivered"]) == (True, False)
    assert rig.hub.accepted == []


async def post(url: str, http: Any, changed: dict[str, Any], **given: Any) -> Any:
    message: dict[str, Any] = {"messaging_product": "whatsapp", "to": PHONE, "type": "text", "text": {"body": "Hola"}}
    message = {name: value for name, value in (message | changed).items() if value is not None}
    headers = {"authorization": f"Bearer {given.pop('token', TOKEN)}"}
    path = given.pop("path", f"v26.0/{NUMBER_ID}/messages")
    return await http.post(f"{url}/{path}", json=message, headers=headers, **given)


@pytest.mark.parametrize(
    ("changed", "given", "status", "code"),
    [
        ({}, {"token": "EAAG-other"}, 401, 190),
        ({}, {"params": {"appsecret_proof": "0" * 64}}, 400, 100),
        ({}, {"path": f"v1.0/{NUMBER_ID}/messages"}, 400, 2500),
        ({}, {"path": "v26.0/999/messages"}, 400, 33),
        ({"messaging_product": None}, {}, 400, 100),
        ({"to": None}, {}, 400, 100),
        ({"to": "01800"}, {}, 400, 131009),
        ({"to": None, "recipient": "+525587654321"}, {}, 400, 131009),
        ({"text": None}, {}, 400, 100),
        ({"text": {"body": ""}}, {}, 400, 100),
        ({"text": {"body": "x" * 4097}}, {}, 400, 100),
        ({"type": "sticker"}, {}, 400, 131051),
        ({"type": "image"}, {}, 400, 100),
        ({"type": "hologram"}, {}, 400, 100),
        ({"recipient_type": "group"}, {}, 400, 100),
        ({"biz_opaque_callback_data": "x" * 513}, {}, 400, 100),
        ({"biz_opaque_callback_data": 7}, {}, 400, 100),
    ],
)
async def test_what_meta_refuses_is_refused_with_its_code(
    changed: dict[str, Any], given: dict[str, Any], status: int, code: int
) -> None:
    async with running() as rig:
        answer = await post(rig.url, rig.http, changed, **given)

        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
        (entry,) = await rig.ledger("send")
        assert (entry["taken"], entry["code"]) == (False, code)
