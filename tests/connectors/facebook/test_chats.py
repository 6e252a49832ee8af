"""What people do in a chat becomes the items that it tells of."""

from __future__ import annotations

import pytest

from hub.contracts import MessageItem, PreferenceItem
from schemas.content import Choice
from tests.connectors.facebook.reading import ANA, AT, PAGE, PSID, chat, items, message, said, sample


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


def test_what_is_shared_or_brought_somebody_may_have_a_long_link() -> None:
    long = "https://example.com/?utm=" + "x" * 900
    shared = {"type": "fallback", "title": "Una nota", "url": long}
    brought = {"ref": "r", "source": "CUSTOMER_CHAT_PLUGIN", "type": "OPEN_THREAD", "referer_uri": long}

    told = items(chat(said(message={"mid": "m", "attachments": [shared]}), said(referral=brought)))

    share, referral = (one for one in told if isinstance(one, MessageItem))
    assert share.share is not None
    assert referral.referral is not None
    assert (share.share.url, referral.referral.url) == (long, long)


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
