"""Whatever stands in a webhook of a page is told or refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.facebook.normalize import MOST_ITEMS
from hub.contracts import CommentItem, Ignored, MessageItem, RefusedItem
from hub.errors import Unreadable
from tests.connectors.facebook.reading import PAGE, PAYLOADS, chat, items, recorded, said, sample

# Facts 4.2, 4.3, 4.5.
ITEMS = {
    *("message", "message_edit", "reaction", "postback", "delivery", "read", "referral", "optin", "account_linking"),
    *("pass_thread_control", "take_thread_control", "request_thread_control", "app_roles", "policy_enforcement"),
}
ATTACHMENTS = {
    *("image", "audio", "video", "file", "sticker", "reel", "post", "fallback", "template", "location"),
    "appointment_booking",
}
CONTENTS = {
    *("text", "quick_reply", "reply_to", "attachments", "referral", "is_deleted", "is_unsupported", "commands"),
    *("is_echo", "app_id", "metadata"),
}
VERBS = {"add", "edited", "remove", "hide", "unhide"}


@pytest.mark.feature("CI-05")
def test_every_documented_kind_has_a_recorded_fixture() -> None:
    found = recorded()
    contents = [item["message"] for item in found if isinstance(item.get("message"), dict)]
    attached = [one for content in contents for one in content.get("attachments", [])]

    assert {name for item in found for name in item} >= ITEMS
    assert {one["type"] for one in attached} >= ATTACHMENTS
    assert {name for content in contents for name in content} >= CONTENTS


@pytest.mark.feature("CI-05")
@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: path.stem)
def test_no_recorded_fixture_is_refused(path: Path) -> None:
    broken = path.stem == "broken_between_good"

    assert [item for item in items(path.read_bytes()) if isinstance(item, RefusedItem) and not broken] == []


def test_every_item_of_a_batch_is_told_in_order() -> None:
    found = sample("batch")

    assert [type(item).__name__ for item in found] == [
        *("MessageItem", "MessageItem", "StatusItem", "WatermarkItem", "MessageItem", "CommentItem")
    ]
    broken = sample("broken_between_good")
    assert [item.text for item in broken if isinstance(item, MessageItem)] == ["uno", "dos"]
    assert sum(isinstance(item, RefusedItem) for item in broken) == 4
    assert isinstance(broken[-1], CommentItem)


def test_half_a_character_costs_its_own_item_only() -> None:
    body = chat(said(message={"mid": "m_1", "text": "XX"}), said(message={"mid": "m_2", "text": "entero"}))

    broken, whole = items(body.replace(b"XX", rb"\ud83d"))

    assert isinstance(broken, RefusedItem)
    assert isinstance(whole, MessageItem)


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ({"message": {"mid": "m", "attachments": [{"type": "image"}]}}, MessageItem),
        ({"message": {"mid": "m", "attachments": [{"type": "file", "payload": {"url": "file:///etc"}}]}}, MessageItem),
        ({"message": {"mid": "m", "attachments": "x"}}, MessageItem),
        ({"message": {"mid": "m", "attachments": [{"type": "location", "payload": {"coordinates": 7}}]}}, MessageItem),
        ({"message": {"mid": "m", "text": "x" * 70_000}}, RefusedItem),
        ({"message": 7}, RefusedItem),
        ({"referral": {}}, RefusedItem),
        ({"read": {}}, RefusedItem),
        ({"delivery": {}}, Ignored),
        ({}, RefusedItem),
    ],
)
def test_odd_items_are_told_or_refused_by_name(told: dict[str, Any], kind: type) -> None:
    (item,) = items(chat(said(**told)))

    assert isinstance(item, kind)


def test_a_strange_name_of_an_answer_is_left_out() -> None:
    booked = {"type": "appointment_booking", "payload": {"\0": "x", "status": "requested", "booking_id": None}}
    (item,) = items(chat(said(message={"mid": "m", "attachments": [booked]})))

    assert isinstance(item, MessageItem)
    assert item.form is not None
    assert item.form.answers == {"status": "requested"}


def test_half_a_character_in_a_name_is_seen() -> None:
    body = chat(said(message={"mid": "m_1", "text": "hola", "XX": 1}))

    (item,) = items(body.replace(b"XX", rb"\ud83d"))

    assert isinstance(item, RefusedItem)


def test_a_file_without_an_address_is_told_as_lost() -> None:
    (item,) = items(chat(said(message={"mid": "m", "attachments": [{"type": "image"}]})))

    assert isinstance(item, MessageItem)
    assert item.files[0].trouble


def test_another_product_is_unreadable() -> None:
    for object_ in ("instagram", "whatsapp_business_account", None):
        with pytest.raises(Unreadable, match="object"):
            items(json.dumps({"object": object_, "entry": [{"id": PAGE}]}).encode())


def test_a_body_of_too_many_items_is_refused_as_a_whole() -> None:
    assert len(items(chat(*[7] * MOST_ITEMS))) == MOST_ITEMS
    with pytest.raises(Unreadable, match="more than 2000 items"):
        items(chat(*[7] * (MOST_ITEMS + 1)))
