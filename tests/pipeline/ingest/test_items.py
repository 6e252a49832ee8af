"""Every item of a delivery becomes an event, or stands where a person sees it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from hub.contracts import Item, RawDelivery
from hub.services.conversations import Threads
from schemas.envelope import CloudEvent, data_model
from tests.pipeline.ingest.rig import PATH, Rig
from tests.support import webhooks
from tests.support.webhooks import change, of_messages, text, webhook


@pytest.mark.feature("CI-01")
async def test_three_entries_of_two_changes_of_five_items_are_thirty_events(rig: Rig) -> None:
    ids = [f"wamid.{number}" for number in range(30)]
    items = [
        webhooks.other(id_, "sticker") if number % 5 == 4 else text(id_, f"Mensaje {number}")
        for number, id_ in enumerate(ids)
    ]
    body = webhook(*(change(messages=items[first : first + 5]) for first in range(0, 30, 5)), changes_an_entry=2)

    await rig.take(body)

    events = await rig.events("message.%")
    assert [event.data.provider_message_id for event in events] == ids
    assert len({event.id for event in events}) == 30
    assert [getattr(event.data, "text", None) for event in events[:4]] == [f"Mensaje {number}" for number in range(4)]
    assert await rig.sums() == {"deliveries": 1, "items": 30, "published": 30}


@pytest.mark.feature("CI-02", part="whatsapp")
@pytest.mark.feature("NC-01", part="whatsapp")
async def test_an_unknown_kind_is_kept_with_its_raw_delivery(rig: Rig) -> None:
    body = of_messages(text("wamid.1"), webhooks.other("wamid.2", "hologram"))

    await rig.take(body)

    (event,) = await rig.events("message.unsupported")
    assert (event.data.provider_kind, event.data.provider_message_id) == ("hologram", "wamid.2")
    delivery, _, index = (event.causation or "").partition("/")
    assert index == "1"
    ((raw, path),) = await rig.rows("SELECT body, path FROM deliveries WHERE id = :id", id=delivery)
    assert (raw, path) == (body, PATH)
    ((kept,),) = await rig.rows("SELECT kind FROM messages WHERE provider_id = 'wamid.2'")
    assert kept == "hologram"


@pytest.mark.feature("NC-02", part="whatsapp")
async def test_every_stated_event_fits_the_one_envelope(rig: Rig) -> None:
    await rig.take(of_messages(text("wamid.1"), webhooks.other("wamid.2", "image")), b"no webhook")

    events = await rig.events()

    assert {event.type.split(".")[1] for event in events} >= {"message", "contact", "conversation", "dead_letter"}
    for event in events:
        model = data_model(event.type)
        assert CloudEvent[model].model_validate_json(event.model_dump_json()) == event  # type: ignore[valid-type]
        assert (event.specversion, event.dataschema) == ("1.0", f"urn:exsim-hub:schema:{event.type}")


async def test_events_of_one_conversation_have_its_key_in_the_order_they_came(rig: Rig) -> None:
    said = [(webhooks.ANA, "a"), (webhooks.LUIS, "b"), (webhooks.ANA, "c"), (webhooks.LUIS, "d"), (webhooks.ANA, "e")]

    await rig.take(*(of_messages(text(f"wamid.{words}", words, sender=who)) for who, words in said))

    by_key: dict[str, list[str]] = {}
    for event in await rig.events("message.received"):
        assert event.partitionkey == event.data.conversation_id
        by_key.setdefault(event.partitionkey, []).append(event.data.text)
    assert sorted(by_key.values()) == [["a", "c", "e"], ["b", "d"]]
    assert {event.partitionkey for event in await rig.events("conversation.opened")} == set(by_key)
    assert {event.partitionkey for event in await rig.events("contact.identified")} == set(by_key)


@pytest.mark.feature("NC-05", part="whatsapp")
@pytest.mark.feature("SE-07")
async def test_what_comes_again_changes_nothing_until_it_is_too_old_to_act_on(rig: Rig) -> None:
    body = of_messages(text("wamid.1"), text("wamid.2"))
    await rig.take(body)
    before = [event.id for event in await rig.events()]

    await rig.take(body, body)
    rig.clock.move(timedelta(days=13))
    await rig.take(body)
    rig.clock.move(timedelta(days=30))
    await rig.take(body, of_messages(text("wamid.replayed")))

    assert [event.id for event in await rig.events("message.%")] == [before[2], before[3]]
    assert await rig.sums() == {"deliveries": 6, "items": 11, "published": 2, "duplicate": 8, "quarantined": 1}
    ((reason,),) = await rig.rows("SELECT reason_class FROM dead_letters")
    assert reason == "stale"


async def test_the_same_item_twice_in_one_batch_is_one_event(rig: Rig) -> None:
    body = of_messages(text("wamid.1", "uno"), text("wamid.1", "uno"), text("wamid.2", "dos"))

    await rig.take(body, body)

    assert [event.data.text for event in await rig.events("message.received")] == ["uno", "dos"]
    assert await rig.sums() == {"deliveries": 2, "items": 6, "published": 2, "duplicate": 4}


async def test_a_stale_item_is_one_dead_letter_however_often_it_comes(rig: Rig) -> None:
    old = of_messages(text("wamid.old", at=rig.clock.now() - timedelta(days=14, seconds=1)), text("wamid.new"))

    await rig.take(old, old)
    rig.clock.move(timedelta(seconds=1))
    await rig.take(old)

    ((reason, scope, index),) = await rig.rows("SELECT reason_class, scope, item_index FROM dead_letters")
    assert (reason, scope, index) == ("stale", "item", 0)
    assert len(await rig.events("dead_letter.added")) == 1
    assert await rig.sums() == {"deliveries": 3, "items": 6, "published": 1, "duplicate": 4, "quarantined": 1}


async def test_fourteen_days_to_the_second_are_not_stale(rig: Rig) -> None:
    await rig.take(of_messages(text("wamid.1", at=rig.clock.now() - timedelta(days=14))))

    (event,) = await rig.events("message.received")

    assert event.time == rig.clock.now() - timedelta(days=7)


@pytest.mark.parametrize(
    ("claimed", "kept"),
    [
        (timedelta(hours=-1), timedelta(hours=-1)),
        (timedelta(days=-8), timedelta(days=-7)),
        (timedelta(1), timedelta(0)),
    ],
)
async def test_the_providers_time_is_kept_within_seven_days_before_arrival(
    rig: Rig, claimed: timedelta, kept: timedelta
) -> None:
    await rig.take(of_messages(text("wamid.1", at=rig.clock.now() + claimed)))

    (event,) = await rig.events("message.received")

    assert event.time == rig.clock.now() + kept
    assert event.receivedat == rig.clock.now()


@pytest.mark.feature("NC-08")
async def test_nothing_unreadable_leaves_without_a_letter(rig: Rig) -> None:
    nobody = {"id": "wamid.nobody", "type": "text", "text": {"body": "?"}, "timestamp": "1795450000"}
    broken = {"from": webhooks.ANA, "type": "text"}

    await rig.take(of_messages(text("wamid.1"), nobody, broken, text("wamid.2")), b"\xff not json", b"{}")

    rows = await rig.rows("SELECT scope, reason_class, reason, owner, next_step_es, item_index FROM dead_letters")
    assert [(row.scope, row.reason_class) for row in rows] == [
        ("item", "unreadable"),
        ("item", "unreadable"),
        ("delivery", "unreadable"),
        ("delivery", "unreadable"),
    ]
    assert all(row.reason and row.owner and row.next_step_es for row in rows)
    assert [event.data.provider_message_id for event in await rig.events("message.%")] == ["wamid.1", "wamid.2"]
    assert len(await rig.events("dead_letter.added")) == 4
    assert await rig.sums() == {"deliveries": 3, "items": 4, "published": 2, "quarantined": 2}
    refused = await rig.rows("SELECT state, items FROM deliveries ORDER BY position")
    assert [tuple(row) for row in refused] == [("ingested", 4), ("refused", 0), ("refused", 0)]


async def test_an_unreadable_delivery_is_refused_once_however_often_it_comes(rig: Rig) -> None:
    await rig.take(b"nonsense", b"nonsense")
    await rig.take(b"nonsense", b"other nonsense")

    assert len(await rig.events("delivery.refused")) == len(await rig.events("dead_letter.added")) == 2
    assert await rig.count("dead_letters") == 2
    assert await rig.count("deliveries", "state = 'refused'") == 4


async def test_a_connector_that_raises_is_our_fault_and_the_journal_goes_on(rig: Rig) -> None:
    def fails(delivery: RawDelivery) -> Sequence[Item]:
        raise KeyError(delivery.body)

    rig.scripted(fails)

    await rig.deliver(b"secret words", connector="scripted")
    await rig.take(of_messages(text("wamid.1")))

    ((reason_class, reason),) = await rig.rows("SELECT reason_class, reason FROM dead_letters")
    assert (reason_class, reason) == ("ours", "the connector failed on it: KeyError")
    assert len(await rig.events("message.received")) == 1


async def test_a_delivery_of_a_connector_that_is_gone_waits_for_a_person(rig: Rig) -> None:
    await rig.deliver(b"{}", connector="telegraph")
    await rig.take(of_messages(text("wamid.1")))

    ((reason_class, reason),) = await rig.rows("SELECT reason_class, reason FROM dead_letters")
    assert (reason_class, reason) == ("permanent", "the connector telegraph is not part of this hub")
    assert len(await rig.events("message.received")) == 1


async def test_what_the_database_cannot_hold_is_given_up_alone(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Threads.record

    def record(threads: Threads, message: dict[str, object]) -> None:
        if message["text"] == "veneno":
            msg = "a bug of ours"
            raise ZeroDivisionError(msg)
        whole(threads, message)

    monkeypatch.setattr(Threads, "record", record)
    poisoned = of_messages(text("wamid.2", "antes"), text("wamid.3", "veneno"), text("wamid.4", "después"))

    await rig.take(of_messages(text("wamid.1", "uno")), poisoned, of_messages(text("wamid.5", "dos")))

    assert [event.data.text for event in await rig.events("message.received")] == ["uno", "dos"]
    ((reason_class, reason),) = await rig.rows("SELECT reason_class, reason FROM dead_letters")
    assert (reason_class, reason) == ("ours", "it could not be recorded: ZeroDivisionError")
    assert await rig.sums() == {"deliveries": 3, "items": 2, "published": 2}
