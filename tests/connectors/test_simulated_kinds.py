"""A simulated customer can send everything of which a payload was recorded."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from connectors.facebook import CONNECTOR as FACEBOOK
from connectors.whatsapp import CONNECTOR as WHATSAPP
from hub.contracts import AmendmentItem, Item, MessageItem, RawDelivery
from tests.connectors.facebook import harness as page
from tests.connectors.whatsapp import harness as number

HARNESS: dict[str, Any] = {"facebook": (FACEBOOK, page, "Ana Torres"), "whatsapp": (WHATSAPP, number, "+522221234567")}
CHATS = {"text", "image", "video", "audio", "document", "sticker", "location", "choice", "share", "welcome", "referral"}
KINDS = {
    "facebook": {*CHATS, "form"},
    "whatsapp": {*CHATS - {"share", "referral"}, "voice", "contacts", "form", "order"},
}
CHANGES = {"facebook": {"edit", "delete", "reaction"}, "whatsapp": {"edit", "delete", "reaction"}}


def read(connector: str, body: bytes) -> list[Item]:
    path = f"/webhooks/{connector}/main"
    raw = RawDelivery("dl_x", connector, "main", datetime.now(UTC), "POST", path, {}, body)
    return list(HARNESS[connector][0].normalize(raw))


@pytest.mark.feature("DX-03", part="whatsapp")
@pytest.mark.feature("DX-03", part="facebook")
@pytest.mark.parametrize("connector", sorted(HARNESS))
async def test_every_recorded_kind_can_be_said_again(connector: str) -> None:
    _, harness, who = HARNESS[connector]
    found: list[Item] = []
    async with harness.running() as rig, httpx.AsyncClient() as http:
        kinds = (await rig.control("GET", "kinds"))["kinds"]
        for count, kind in enumerate(kinds, 1):
            await rig.control("POST", "say", {"from": who, "kind": kind, "about": "the.original"})
            items = read(connector, (await rig.accepted(count))[-1])
            assert items, kind
            found += items
        said = [item for item in found if isinstance(item, MessageItem)]
        held = {entry["id"] for entry in (await rig.control("GET", "ledger?kind=file"))["entries"]}
        for file in (file for item in said for file in item.files if file.trouble is None):
            if connector == "facebook":
                assert (await http.get(file.source["url"])).status_code == 200
            else:
                assert file.source["media_id"] in held

    assert {item.kind for item in said} >= KINDS[connector]
    assert any(item.unsupported for item in said)
    amended = [item for item in found if isinstance(item, AmendmentItem)]
    assert {item.kind for item in amended} >= CHANGES[connector]
    assert {item.target for item in amended} == {"the.original"}


@pytest.mark.parametrize("connector", sorted(HARNESS))
async def test_a_kind_that_is_none_is_refused_with_those_that_are(connector: str) -> None:
    _, harness, who = HARNESS[connector]
    async with harness.running() as rig:
        answer = await rig.http.post(f"{rig.url}/control/say", json={"from": who, "kind": "hologram"})

    assert answer.status_code == 400
    assert "sticker" in answer.json()["problems"][0]
