"""Everything in a webhook becomes an item, nothing is merged, nothing gets lost."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import connectors.whatsapp
from connectors.whatsapp import CONNECTOR
from connectors.whatsapp.parties import canonical_phone
from hub.contracts import Alias, Ignored, Item, MessageItem, Party, RawDelivery, RefusedItem, StatusItem
from hub.errors import Unreadable

SAMPLES = Path(connectors.whatsapp.__file__).parent / "samples"
ANA = Party(
    aliases=(Alias("whatsapp-user", "MX.1357924680135792"), Alias("phone", "+525587654321")),
    reply_to={"to": "5215587654321"},
    display_name="Ana Torres",
)


def normalize(body: bytes) -> list[Item]:
    received = datetime(2026, 11, 22, 13, tzinfo=UTC)
    return list(CONNECTOR.normalize(RawDelivery("dl_x", "whatsapp", "main", received, "POST", "/", {}, body)))


def sample(name: str) -> list[Item]:
    return normalize((SAMPLES / f"{name}.json").read_bytes())


def of_value(value: object) -> list[Item]:
    change = {"field": "messages", "value": value}
    return normalize(json.dumps({"object": "whatsapp_business_account", "entry": [{"changes": [change]}]}).encode())


def message(**fields: Any) -> dict[str, Any]:
    return {"id": "wamid.1", "type": "text", "timestamp": "1795350000", "text": {"body": "Hola"}} | fields


def only(messages: list[dict[str, Any]], contacts: list[Any] | None = None) -> list[MessageItem]:
    value = {"metadata": {"phone_number_id": "22345"}, "messages": messages, "contacts": contacts or []}
    found = of_value(value)
    assert all(isinstance(item, MessageItem) for item in found), found
    return [item for item in found if isinstance(item, MessageItem)]


def test_a_text_keeps_what_was_said_by_whom() -> None:
    (item,) = sample("text")

    assert item == MessageItem(
        asset="223450000000002",
        provider_id="wamid.HBgNNTIxNTU4NzY1NDMyMRUCABIYFDNBMDAwMQA=",
        time=datetime(2026, 11, 22, 12, 20, tzinfo=UTC),
        party=ANA,
        kind="text",
        text="Desde la actualización todas las facturas salen con errores contables 😟 a/b",
    )


def test_a_batch_of_three_entries_two_changes_five_items_gives_thirty() -> None:
    items = sample("batch")

    assert [item.provider_id for item in items if isinstance(item, MessageItem | StatusItem)] == [
        f"wamid.HBg{'Out' if (n - 1) % 10 in (8, 9) else 'Batch'}{n:02d}" for n in range(1, 31)
    ]
    names = {
        item.party.reply_to["to"]: item.party.display_name
        for item in items
        if isinstance(item, MessageItem) and item.party
    }
    assert names == {
        "5215587654321": "Ana Torres",
        "5213312345678": "Bruno Díaz",
        "5218112345678": "Carla Ruiz",
        "5212221234567": "Diego Soto",
        "573001234567": "Elena Paz",
    }


def test_whoever_has_no_phone_is_known_by_user_id() -> None:
    for name in ("text_without_phone", "text_user_id_in_from"):
        (item,) = sample(name)
        assert isinstance(item, MessageItem)
        assert item.party == Party(
            aliases=(Alias("whatsapp-user", "MX.9753124680975312"),),
            reply_to={"recipient": "MX.9753124680975312"},
            display_name="Luis Pérez",
        )


def test_a_message_without_contacts_or_sender_is_kept() -> None:
    (without_contacts,) = sample("text_without_contacts")
    (without_sender,) = sample("text_without_sender")

    assert isinstance(without_contacts, MessageItem)
    assert without_contacts.party == Party((Alias("phone", "+525587654321"),), {"to": "5215587654321"})
    assert isinstance(without_sender, MessageItem)
    assert (without_sender.party, without_sender.time, without_sender.text) == (None, None, "¿Siguen ahí?")


def test_a_batch_never_lends_the_first_contact_to_others() -> None:
    contacts = [{"wa_id": "5215587654321", "profile": {"name": "Ana"}}]

    ana, other = only([message(**{"from": "525587654321"}), message(id="2", **{"from": "523312345678"})], contacts)

    assert ana.party is not None
    assert (ana.party.display_name, ana.party.reply_to) == ("Ana", {"to": "5215587654321"})
    assert other.party is not None
    assert (other.party.display_name, other.party.reply_to) == (None, {"to": "523312345678"})


def test_a_lone_contact_belongs_to_a_lone_sender_however_its_number_is_written() -> None:
    (item,) = only([message(**{"from": "5491155556666"})], [{"wa_id": "541155556666", "user_id": "AR.1"}])

    assert item.party is not None
    assert item.party.aliases == (
        Alias("whatsapp-user", "AR.1"),
        Alias("phone", "+541155556666"),
        Alias("phone", "+5491155556666"),
    )


def test_a_lone_contact_with_another_user_id_is_somebody_else() -> None:
    (item,) = only([message(from_user_id="MX.1")], [{"wa_id": "5215587654321", "user_id": "MX.2"}])

    assert item.party is not None
    assert item.party.aliases == (Alias("whatsapp-user", "MX.1"),)


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        ("5215587654321", "+525587654321"),
        ("525587654321", "+525587654321"),
        ("+5215587654321", "+525587654321"),
        ("573001234567", "+573001234567"),
        ("52155876543", "+52155876543"),
        ("1234567", None),
        ("1234567890123456", None),
        ("MX.1357924680135792", None),
        ("٥٢١٥٥٨٧٦٥٤٣٢١", None),
        ("", None),
        (None, None),
    ],
)
def test_mexican_numbers_have_one_form_for_matching(given: str | None, canonical: str | None) -> None:
    assert canonical_phone(given) == canonical


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("unknown", ["unknown", "poll", "hologram"]),
        ("unsupported", ["poll"]),
        ("group", ["text"]),
        ("interactive_without_content", ["interactive"]),
    ],
)
def test_what_cannot_be_read_is_kept_with_the_reason(name: str, kinds: list[str]) -> None:
    items = [item for item in sample(name) if isinstance(item, MessageItem)]

    assert [item.kind for item in items] == kinds
    assert all(item.unsupported for item in items)


def test_statuses_keep_order_recipient_correlation() -> None:
    items = sample("statuses")

    assert [(item.provider_id, item.status) for item in items if isinstance(item, StatusItem)] == [
        ("wamid.HBgOut1", "sent"),
        ("wamid.HBgOut1", "delivered"),
        ("wamid.HBgOut1", "read"),
        ("wamid.HBgOut2", "read"),
        ("wamid.HBgOut4", "sent"),
    ]
    assert items[4] == Ignored("status warning is not used")
    first = items[0]
    assert isinstance(first, StatusItem)
    assert (first.recipient, first.correlation) == ("+525587654321", "ef_example01")


def test_a_failure_is_explained_in_spanish() -> None:
    window, unknown = sample("status_failed")

    assert isinstance(window, StatusItem)
    assert (window.code, "24 horas" in window.explanation_es) == ("131047", True)
    assert isinstance(unknown, StatusItem)
    assert (unknown.code, "999999" in unknown.explanation_es) == ("999999", True)


def test_one_bad_item_never_sinks_its_neighbours() -> None:
    items = sample("broken_between_good")

    assert Counter(type(item).__name__ for item in items) == {"MessageItem": 4, "RefusedItem": 4, "StatusItem": 1}
    assert [item.text for item in items if isinstance(item, MessageItem)] == ["Primero", "", "Connulo", "Último"]


@pytest.mark.parametrize("name", ["history", "history_refused", "contact_book", "call_status"])
def test_what_says_nothing_to_the_hub_is_ignored_with_its_reason(name: str) -> None:
    items = sample(name)

    assert items
    assert all(isinstance(item, Ignored) and item.reason for item in items)


def test_a_message_to_no_known_number_is_refused_not_guessed() -> None:
    (item,) = of_value({"messages": [message(**{"from": "525587654321"})]})

    assert isinstance(item, RefusedItem)
    assert "phone_number_id" in item.reason


@pytest.mark.parametrize("stamp", ["ayer", "", None, "-1", "0", "1e9", 1e30, "9" * 40, {}, "1795350000.5", True])
def test_a_useless_time_is_none(stamp: object) -> None:
    (item,) = only([message(timestamp=stamp, **{"from": "525587654321"})])

    assert item.time is None


def test_a_time_as_number_counts() -> None:
    (item,) = only([message(timestamp=1795350000)])

    assert item.time == datetime(2026, 11, 22, 12, 20, tzinfo=UTC)


@pytest.mark.parametrize("text", [None, {}, {"body": 7}, {"body": ""}, {"body": "\0"}, {"body": "x" * 65_537}, []])
def test_a_text_without_readable_text_is_unsupported(text: object) -> None:
    (item,) = only([message(text=text)])

    assert (item.kind, item.text) == ("text", "")
    assert item.unsupported


@pytest.mark.parametrize("id_", [None, "", "a\0b", "x" * 513, {}, [], 1.5, True, "a\nb", "\ud800"])
def test_a_message_without_usable_id_is_refused(id_: object) -> None:
    (item,) = of_value({"metadata": {"phone_number_id": "22345"}, "messages": [message(id=id_)]})

    assert isinstance(item, RefusedItem)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json",
        b"\xef\xbb\xbf{}",
        b"[]",
        b"null",
        b"{}",
        b'{"object":"page","entry":[{}]}',
        b'{"object":"whatsapp_business_account"}',
        b'{"object":"whatsapp_business_account","entry":[]}',
        b'{"object":"whatsapp_business_account","entry":{}}',
        b'{"object":"whatsapp_business_account","entry":[{"n":NaN}]}',
        b'{"object":"whatsapp_business_account","entry":[' + b"[" * 100_000,
        b'{"object":"whatsapp_business_account","entry":["\xed\xa0\x80"]}',
        b'{"object":"whatsapp_business_account","entry":[{"n":' + b"1" * 5000 + b"}]}",
        '{"object":"whatsapp_business_account","entry":[]}'.encode("utf-16"),
    ],
)
def test_what_is_no_webhook_of_whatsapp_is_unreadable_with_a_reason(body: bytes) -> None:
    with pytest.raises(Unreadable) as caught:
        normalize(body)
    assert str(caught.value)


def test_an_escaped_backslash_before_u_is_no_surrogate() -> None:
    (good, bad) = only([message(text={"body": r"C:\ud800"})]) + sample("text")

    assert isinstance(good, MessageItem)
    assert good.text == r"C:\ud800"
    assert isinstance(bad, MessageItem)


def test_a_thousand_updates_are_normalized_in_one_go() -> None:
    items = only([message(id=f"wamid.{n}", **{"from": f"5255{n:08d}"}) for n in range(1000)])

    assert [item.provider_id for item in items] == [f"wamid.{n}" for n in range(1000)]
