"""Every documented kind of WhatsApp's webhooks is read for what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import connectors.whatsapp
from connectors.whatsapp import CONNECTOR
from hub.contracts import (
    Alias,
    AmendmentItem,
    EchoItem,
    File,
    IdentityItem,
    Ignored,
    Item,
    MessageItem,
    PreferenceItem,
    StatusItem,
)
from schemas.content import Choice, ContactCard, Form, Location, Order, OrderLine, Pricing, Referral, Share
from tests.contracts.test_connectors import delivery

SAMPLES = Path(connectors.whatsapp.__file__).parent / "samples"


def sample(name: str) -> list[Item]:
    return list(CONNECTOR.normalize(delivery(CONNECTOR, (SAMPLES / f"{name}.json").read_bytes())))


def message(name: str) -> MessageItem:
    (item,) = sample(name)
    assert isinstance(item, MessageItem)
    assert item.unsupported is None
    return item


def file_of(name: str) -> tuple[MessageItem, File]:
    item = message(name)
    (file,) = item.files
    return item, file


@pytest.mark.parametrize(
    ("name", "kind", "mime_type", "text"),
    [
        ("image", "image", "image/jpeg", "pantalla del error"),
        ("video", "video", "video/mp4", "así truena"),
        ("audio", "audio", "audio/mpeg", ""),
        ("voice", "voice", "audio/ogg; codecs=opus", ""),
        ("document", "document", "text/xml", "factura"),
        ("sticker", "sticker", "image/webp", ""),
    ],
)
def test_a_file_is_named_for_the_fetcher_with_its_caption(name: str, kind: str, mime_type: str, text: str) -> None:
    item, file = file_of(name)

    assert (item.kind, file.kind, file.mime_type, item.text) == (kind, kind, mime_type, text)
    assert file.source["media_id"].startswith("8877665544332")
    assert file.sha256 is not None
    assert len(bytes.fromhex(file.sha256)) == 32
    assert file.trouble is None


def test_a_document_keeps_its_name() -> None:
    assert file_of("document")[1].filename == "Factura A-1029 ñ.xml"


def test_a_file_that_meta_does_not_deliver_is_lost_from_the_start() -> None:
    item, file = file_of("document_too_large")

    assert (item.kind, file.filename, file.source) == ("document", "respaldo.fbk", {})
    assert "100 MB" in (file.trouble or "")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "location",
            {
                "kind": "location",
                "location": Location(
                    latitude=19.4326,
                    longitude=-99.1332,
                    name="Oficina",
                    address="Av. Juárez 10, CDMX",
                    url="https://example.com",
                ),
            },
        ),
        (
            "contacts",
            {
                "kind": "contacts",
                "contact_cards": (
                    ContactCard(
                        name="Luis Pérez",
                        phones=("+52 33 1234 5678",),
                        emails=("luis@example.com",),
                        organization="Ferretería MX",
                    ),
                ),
            },
        ),
        (
            "contacts_on_request",
            {"contact_cards": (ContactCard(phones=("+52 33 1234 5678",), shared_on_request=True),)},
        ),
        (
            "interactive_button",
            {
                "kind": "choice",
                "text": "Soporte",
                "choice": Choice(id="menu.soporte", title="Soporte"),
                "quoted_provider_id": "wamid.HBgMenu",
            },
        ),
        (
            "interactive_list",
            {"choice": Choice(id="mod.nomina", title="Nómina", description="Timbrado de nómina"), "text": "Nómina"},
        ),
        (
            "interactive_flow",
            {
                "kind": "form",
                "form": Form(name="flow", answers={"flow_token": "ft-77", "rfc": "XAXX010101000", "sucursales": "3"}),
            },
        ),
        ("interactive_flow_no_object", {"form": Form(name="flow", answers={"answer": '["a", "b"]'})}),
        ("interactive_call_permission", {"choice": Choice(id="call_permission.accept")}),
        ("button_of_template", {"choice": Choice(id="confirmar-demo", title="Confirmar"), "text": "Confirmar"}),
        (
            "order",
            {
                "kind": "order",
                "text": "Para hoy",
                "order": Order(
                    catalog_id="99887766",
                    lines=(OrderLine(product_id="SKU-1", quantity=2, unit_price=350.5, currency="MXN"),),
                ),
            },
        ),
        ("request_welcome", {"kind": "welcome", "text": ""}),
        ("forwarded", {"forwarded": True, "text": "Aviso del SAT"}),
        ("about_a_product", {"share": Share(kind="product", title="99887766/SKU-1"), "text": "¿Aún lo tienen?"}),
        (
            "referral_from_an_ad",
            {
                "referral": Referral(
                    source="ad",
                    source_id="120211122233344455",
                    headline="Facturación sin errores",
                    body="Agenda una demo",
                    url="https://fb.me/AbCdEf123",
                    click_id="Aff-n8ZTODiE79d22KtAwQKj9e",
                )
            },
        ),
        ("standby", {"standby": True, "text": "¿Me atiende una persona?"}),
    ],
)
def test_each_kind_says_what_was_sent(name: str, expected: dict[str, Any]) -> None:
    item = message(name)

    assert {key: getattr(item, key) for key in expected} == expected


def test_a_reaction_names_its_message_with_the_emoji_none_when_taken_back() -> None:
    original, *reactions = sample("reaction")

    assert isinstance(original, MessageItem)
    assert [(one.kind, one.target, one.emoji) for one in reactions if isinstance(one, AmendmentItem)] == [
        ("reaction", "wamid.HBgTarget", "👍"),
        ("reaction", "wamid.HBgTarget", None),
        ("reaction", "wamid.HBgTarget", None),
    ]


def test_an_edit_and_a_deletion_name_their_original() -> None:
    edit, delete = sample("edit")[1], sample("revoke")[1]

    assert isinstance(edit, AmendmentItem)
    assert (edit.kind, edit.target, edit.text, edit.by) == (
        "edit",
        "wamid.HBgTarget",
        "No me deja timbrar la nómina",
        "customer",
    )
    assert isinstance(delete, AmendmentItem)
    assert (delete.kind, delete.target) == ("delete", "wamid.HBgTarget")


@pytest.mark.parametrize("name", ["system_number_changed", "system_number_changed_old_shape"])
def test_a_changed_number_links_the_old_with_the_new(name: str) -> None:
    item = sample(name)[1]

    assert isinstance(item, IdentityItem)
    assert (item.previous, item.current) == ((Alias("phone", "+525587654321"),), (Alias("phone", "+523399998888"),))
    assert item.reply_to == {"to": "5213399998888"}


@pytest.mark.parametrize(("name", "place"), [("system_user_id_changed", 1), ("user_id_update", 0)])
def test_a_changed_user_id_links_the_old_with_the_new(name: str, place: int) -> None:
    item = sample(name)[place]

    assert isinstance(item, IdentityItem)
    assert item.previous == (Alias("whatsapp-user", "MX.1357924680135792"),)
    assert item.current == (Alias("whatsapp-user", "MX.9753124680975312"),)
    assert item.reply_to == {"recipient": "MX.9753124680975312"}


def test_whoever_has_a_username_is_known_by_user_id() -> None:
    party = message("username_adopter").party

    assert party is not None
    assert party.aliases == (Alias("whatsapp-user", "MX.9753124680975312"),)
    assert party.reply_to == {"recipient": "MX.9753124680975312"}


def test_statuses_keep_what_was_charged() -> None:
    found = [item.pricing for item in sample("statuses_with_pricing") if isinstance(item, StatusItem)]

    assert found[0] == Pricing(category="utility", model="PMP", type="regular", billable=True)
    assert found[2] is None
    assert found[3] is not None
    assert (found[3].conversation_id, found[3].conversation_origin) == ("c0ffee00112233445566778899aabbcc", "service")
    assert found[3].conversation_expires_at is not None


def test_what_a_colleague_wrote_on_the_phone_is_an_echo_to_the_customer() -> None:
    text, document, edit, strange = sample("echo")

    assert isinstance(text, EchoItem)
    assert text.party is not None
    assert text.party.aliases == (Alias("whatsapp-user", "MX.1357924680135792"), Alias("phone", "+525587654321"))
    assert (text.kind, text.text) == ("text", "Lo vemos ahora")
    assert isinstance(document, EchoItem)
    assert [file.filename for file in document.files] == ["guia.pdf"]
    assert isinstance(edit, AmendmentItem)
    assert (edit.by, edit.target, edit.text) == ("company", "wamid.HBgEcho1", "Lo vemos hoy")
    assert isinstance(strange, EchoItem)
    assert strange.text == "[poll]"


def test_a_customers_call_is_a_message_its_end_is_none() -> None:
    call, end, ours = sample("call")

    assert isinstance(call, MessageItem)
    assert (call.kind, call.opens_window) == ("call", True)
    assert isinstance(end, Ignored)
    assert isinstance(ours, Ignored)


def test_a_preference_says_whose_about_what() -> None:
    stop, resume = sample("user_preferences")

    assert isinstance(stop, PreferenceItem)
    assert isinstance(resume, PreferenceItem)
    assert [(one.category, one.allowed) for one in (stop, resume)] == [
        ("marketing_messages", False),
        ("marketing_messages", True),
    ]
    assert stop.provider_id != resume.provider_id
