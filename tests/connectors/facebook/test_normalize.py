"""Every kind of a page's webhooks becomes the items that it tells of."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from schemas.content import Choice

import connectors.facebook
from connectors.facebook import CONNECTOR
from connectors.facebook.normalize import MOST_ITEMS
from hub.contracts import (
    AccountItem,
    Alias,
    AmendmentItem,
    CommentItem,
    EchoItem,
    HandoverItem,
    Ignored,
    Item,
    MessageItem,
    PreferenceItem,
    RawDelivery,
    RefusedItem,
    StatusItem,
    WatermarkItem,
)
from hub.errors import Unreadable

SAMPLES = Path(connectors.facebook.__path__[0]) / "samples"
PAGE = "345670000000003"
PSID = "6543210987654321"
ANA = Alias("facebook-psid", f"{PAGE}:{PSID}")
AT = datetime.fromtimestamp(1795350000.045, UTC)


def items(body: bytes) -> list[Item]:
    delivery = RawDelivery("dl_x", "facebook", "main", AT, "POST", "/webhooks/facebook/main", {}, body)
    return list(CONNECTOR.normalize(delivery))


def sample(name: str) -> list[Item]:
    return items((SAMPLES / f"{name}.json").read_bytes())


def message(name: str) -> MessageItem:
    (item,) = sample(name)
    assert isinstance(item, MessageItem)
    return item


def chat(*told: Any, **entry: Any) -> bytes:
    return json.dumps({"object": "page", "entry": [{"id": PAGE, "time": 1, "messaging": list(told), **entry}]}).encode()


def said(**content: Any) -> dict[str, Any]:
    return {"sender": {"id": PSID}, "recipient": {"id": PAGE}, "timestamp": 1795350000045, **content}


def recorded() -> list[dict[str, Any]]:
    """Return every item of a chat in the samples."""
    entries = [
        entry
        for path in SAMPLES.glob("*.json")
        if not path.name.endswith(".events.json")
        for entry in json.loads(path.read_bytes())["entry"]
        if isinstance(entry, dict)
    ]
    return [item for entry in entries for name in ("messaging", "standby") for item in entry.get(name, [])]


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
    found = [item for item in recorded() if isinstance(item, dict)]
    contents = [item["message"] for item in found if isinstance(item.get("message"), dict)]
    attached = [one for content in contents for one in content.get("attachments", [])]

    assert {name for item in found for name in item} >= ITEMS
    assert {one["type"] for one in attached} >= ATTACHMENTS
    assert {name for content in contents for name in content} >= CONTENTS


@pytest.mark.feature("CI-05")
@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_no_recorded_fixture_is_refused(path: Path) -> None:
    if path.name.endswith(".events.json"):
        pytest.skip("what is expected")
    broken = path.stem == "broken_between_good"

    assert [item for item in items(path.read_bytes()) if isinstance(item, RefusedItem) and not broken] == []


def test_a_text_is_what_a_person_of_the_page_said() -> None:
    found = message("text")

    assert (found.asset, found.provider_id, found.kind) == (PAGE, "m_1", "text")
    assert found.text == "Hola, ¿me ayudan con la factura 😀?"
    assert found.time == AT
    assert found.party is not None
    assert (found.party.aliases, found.party.reply_to) == ((ANA,), {"id": PSID})
    assert (found.opens_window, found.standby) == (True, False)
    assert message("text_quoting").quoted_provider_id == "m_1"
    assert message("command").text == "hola"


def test_ids_may_be_numbers() -> None:
    found = message("ids_as_numbers")

    assert found.party is not None
    assert (found.asset, found.party.aliases) == (PAGE, (ANA,))


@pytest.mark.parametrize(
    ("name", "kind", "files"),
    [
        ("images", "image", ["image", "image"]),
        ("audio", "audio", ["audio"]),
        ("video", "video", ["video"]),
        ("file", "document", ["document"]),
        ("sticker", "sticker", ["sticker"]),
        ("sticker_also_as_image", "sticker", ["sticker"]),
    ],
)
def test_files_are_announced_to_be_fetched(name: str, kind: str, files: list[str]) -> None:
    found = message(name)

    assert found.kind == kind
    assert [one.kind for one in found.files] == files
    assert all(one.source["url"].startswith("https://") for one in found.files)


def test_a_document_has_the_name_of_its_link_a_video_its_caption() -> None:
    assert message("file").files[0].filename == "Factura A-12.pdf"
    assert message("video").text == "Así se ve el error"


def test_what_is_picked_or_shared_keeps_its_parts() -> None:
    place = message("location").location
    form = message("appointment").form

    assert message("quick_reply").choice == Choice(id="QR_SI", title="Sí")
    assert [message(name).kind for name in ("get_started", "postback_without_mid")] == ["welcome", "choice"]
    assert place is not None
    assert (place.latitude, place.longitude, place.name) == (19.43, -99.13, "Mi ubicación")
    assert form is not None
    assert form.answers["booking_id"] == "b1"
    shares = [message(name).share for name in ("reel", "post", "link", "fallback_without_payload", "product")]
    assert [(one.kind, one.title) for one in shares if one] == [
        ("reel", "Demo"),
        ("post", "Oferta"),
        ("fallback", "Ejemplo"),
        ("fallback", "Ejemplo"),
        ("product", "Módulo"),
    ]


def test_what_brought_somebody_is_kept() -> None:
    ad, link, web = (message(name).referral for name in ("text_from_ad", "referral", "get_started"))

    assert ad is not None
    assert (ad.source, ad.source_id, ad.headline, ad.ref) == ("ADS", "120211", "Facturación", "promo")
    assert link is not None
    assert (link.source, link.url) == ("SHORTLINK", "https://example.com")
    assert web is not None
    assert web.ref == "web"


def test_only_a_message_or_a_button_opens_the_window() -> None:
    assert message("text").opens_window
    assert message("get_started").opens_window
    assert not message("referral").opens_window
    assert not message("optin_checkbox").opens_window
    assert not message("unknown_item").opens_window


@pytest.mark.parametrize(
    ("name", "kind"), [("unsupported", "unsupported"), ("unknown_attachment", "hologram"), ("unknown_item", "payment")]
)
@pytest.mark.feature("CI-02", part="facebook")
def test_what_cannot_be_read_is_kept_with_its_reason(name: str, kind: str) -> None:
    found = message(name)

    assert found.kind == kind
    assert found.unsupported


def test_changes_name_the_message_that_they_change() -> None:
    found = [item for name in ("edit", "unsent", "reactions") for item in sample(name)]

    assert [(one.target, one.kind, one.text, one.emoji, one.revision) for one in found if _is_change(one)] == [
        ("m_2", "edit", "Sí, por favor", None, 1),
        ("m_1", "delete", "", None, None),
        ("m_21", "reaction", "", "❤", None),
        ("m_22", "reaction", "", "😮", None),
        ("m_21", "reaction", "", None, None),
    ]


def _is_change(item: Item) -> Any:
    return isinstance(item, AmendmentItem)


@pytest.mark.feature("CI-08", part="facebook")
def test_echoes_tell_the_hubs_own_words_from_a_colleagues() -> None:
    ours, theirs, picture = (sample(name)[0] for name in ("echo_of_the_hub", "echo_of_the_inbox", "echo_of_a_file"))

    assert isinstance(ours, EchoItem)
    assert isinstance(theirs, EchoItem)
    assert isinstance(picture, EchoItem)
    assert (ours.correlation, theirs.correlation) == ("ef_" + "a" * 26, None)
    assert theirs.party is not None
    assert (theirs.party.aliases, theirs.text) == ((ANA,), "Le llamo en un momento")
    assert [one.kind for one in picture.files] == ["image"]


def test_deliveries_name_messages_then_their_mark() -> None:
    first, second, mark = sample("delivery")
    (only,) = sample("delivery_without_mids")
    (read,) = sample("read")

    assert isinstance(first, StatusItem)
    assert isinstance(second, StatusItem)
    assert (first.provider_id, second.provider_id, first.status) == ("m_21", "m_22", "delivered")
    assert isinstance(mark, WatermarkItem)
    assert mark == only
    assert (mark.party.aliases, mark.status) == ((ANA,), "delivered")
    assert isinstance(read, WatermarkItem)
    assert read.time == datetime.fromtimestamp(1795350000.3, UTC)


def test_in_standby_everything_is_told_without_opening_anything() -> None:
    found = sample("standby")

    assert [(one.standby, one.opens_window) for one in found if isinstance(one, MessageItem)] == [(True, False)] * 2


def test_who_has_the_thread_is_told() -> None:
    passed, taken = (sample(name)[0] for name in ("thread_passed", "thread_taken"))

    assert isinstance(passed, HandoverItem)
    assert isinstance(taken, HandoverItem)
    assert (passed.holder, taken.holder, taken.application) == ("hub", "other", "26390203743090")


def test_what_people_must_know_of_the_page_is_told() -> None:
    roles, policy, request = (sample(name)[0] for name in ("app_roles", "policy_enforcement", "thread_requested"))

    assert isinstance(roles, AccountItem)
    assert isinstance(request, AccountItem)
    assert isinstance(policy, AccountItem)
    assert (policy.severity, policy.alert) == ("critical", "policy")
    (freed,) = items(chat({"timestamp": 1795350000045, "policy_enforcement": {"action": "unblock"}}))
    assert isinstance(freed, AccountItem)
    assert (freed.severity, freed.alert) == ("info", "policy")


def test_a_guest_of_the_checkbox_is_one_person_with_their_chat() -> None:
    guest, known = message("optin_checkbox").party, message("checkbox_answered").party

    assert guest is not None
    assert known is not None
    assert guest.reply_to == {"user_ref": "u-1"}
    assert set(guest.aliases) < set(known.aliases)
    (leave,) = sample("optin_notifications")
    assert isinstance(leave, PreferenceItem)
    assert leave.allowed


def test_a_message_of_nobody_is_told_without_a_person() -> None:
    assert message("nobody").party is None


def test_a_comment_is_by_another_id_than_the_chat() -> None:
    (top,), (reply,), (picture,) = (sample(name) for name in ("comment", "comment_reply", "comment_with_photo"))

    assert isinstance(top, CommentItem)
    assert isinstance(reply, CommentItem)
    assert isinstance(picture, CommentItem)
    assert (top.provider_id, top.post_id, top.parent_id) == ("778899_112233", f"{PAGE}_778899", None)
    assert (top.reply_to, top.thread) == ({"comment_id": "778899_112233"}, "778899_112233")
    assert top.party is not None
    assert top.party.aliases == (Alias("facebook-user", f"{PAGE}:7654321098765432"),)
    assert top.party.display_name == "Ana Torres"
    assert top.permalink == f"https://www.facebook.com/{PAGE}/posts/778899"
    assert (reply.parent_id, reply.thread) == ("778899_112233", "778899_112233")
    assert [one.kind for one in picture.files] == ["image"]


def test_the_author_may_be_missing_or_stand_elsewhere() -> None:
    (nobody,), (old,), (mention,) = (sample(n) for n in ("comment_without_author", "comment_before_2_11", "mention"))

    assert isinstance(nobody, CommentItem)
    assert isinstance(old, CommentItem)
    assert isinstance(mention, CommentItem)
    assert nobody.party is None
    assert old.party is not None
    assert old.party.display_name == "Ana Torres"
    assert mention.mention


def test_what_happens_to_a_comment_changes_it() -> None:
    names = ("comment_edited", "comment_removed", "comment_hidden", "comment_shown")
    found = [item for name in names for item in sample(name) if isinstance(item, AmendmentItem)]

    assert [(one.kind, one.target, one.by) for one in found] == [
        ("edit", "778899_112233", "customer"),
        ("delete", "778899_112233", "customer"),
        ("hide", "778899_112233", "company"),
        ("show", "778899_112233", "company"),
    ]
    assert len({one.provider_id for one in found}) == 4


@pytest.mark.feature("CI-08", part="facebook")
def test_the_pages_own_comment_is_never_anybodys() -> None:
    (found,) = sample("comment_of_the_page")

    assert isinstance(found, Ignored)


def test_other_news_of_the_feed_is_ignored_by_name() -> None:
    assert [item.reason for item in sample("feed_others") if isinstance(item, Ignored)] == [
        "reaction items of the feed are not used",
        "post items of the feed are not used",
    ]


def test_every_item_of_a_batch_is_told_in_order() -> None:
    found = sample("batch")

    assert [type(item).__name__ for item in found] == [
        *("MessageItem", "MessageItem", "StatusItem", "WatermarkItem", "MessageItem", "CommentItem")
    ]
    broken = sample("broken_between_good")
    assert [item.text for item in broken if isinstance(item, MessageItem)] == ["uno", "dos"]
    assert sum(isinstance(item, RefusedItem) for item in broken) == 4
    assert isinstance(broken[-1], CommentItem)


def test_the_same_reaction_taken_back_is_another_change() -> None:
    found = sample("reactions")

    assert len({item.provider_id for item in found if isinstance(item, AmendmentItem)}) == 3


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
