"""Files, accounts, addresses, preferences: what comes in beside words stands where it is looked for."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import connectors.whatsapp
from hub import observation
from hub.contracts import Accepted, AccountItem, HandoverItem, Party
from hub.contracts.parties import Alias
from hub.observation import Waiting
from hub.pipeline.journal import JournalReader
from hub.services import channels, contacts
from hub.store.transaction import Origin
from hub.web import alarms
from schemas.operations import Severity
from tests.connectors.whatsapp.test_accounts import STANDING
from tests.pipeline.ingest.rig import Rig
from tests.support.clock import MONDAY_MORNING
from tests.support.replying import ask, attempt, open_conversation
from tests.support.webhooks import of_messages, text

SAMPLES = Path(connectors.whatsapp.__file__).parent / "samples"
WABA = "123450000000001"


def sample(name: str) -> bytes:
    return (SAMPLES / f"{name}.json").read_bytes()


async def waiting(rig: Rig) -> Waiting:
    return await observation.waiting(rig.store, JournalReader(rig.data / "journal"))


async def test_a_file_is_asked_for_while_the_event_tells_nobody_how_to_get_it(rig: Rig) -> None:
    rig.clock.move(timedelta(hours=-24))
    await rig.take(sample("image"))

    (event,) = await rig.events("message.received")
    (file,) = event.data.attachments
    ((row,),) = [await rig.rows("SELECT * FROM attachments")]
    assert (row.id, row.message_id, row.state) == (file.attachment_id, event.data.message_id, "wanted")
    assert json.loads(row.source)["media_id"] == "887766554433221"
    assert row.useful_until - row.wanted_at == 6 * 24 * 3600 * 1_000_000
    told = event.model_dump_json()
    assert "lookaside" not in told
    assert "887766554433221" not in told
    ((shown,),) = await rig.rows("SELECT attachments FROM messages")
    assert json.loads(shown)[0]["attachment_id"] == row.id


async def test_a_file_that_cannot_be_had_says_why_from_the_start(rig: Rig) -> None:
    rig.clock.move(timedelta(hours=-24))
    await rig.take(sample("document_too_large"))

    ((wanted_at, useful_until, reason),) = await rig.rows("SELECT wanted_at, useful_until, reason FROM attachments")
    # Whoever fetches gives it up at once.
    assert useful_until == wanted_at
    assert "100 MB" in reason


@pytest.mark.feature("CI-04")
@pytest.mark.parametrize(("name", "severity", "alert"), STANDING, ids=[row[0] for row in STANDING])
async def test_what_meta_tells_of_accounts_is_an_operations_event_with_its_alarm(
    rig: Rig, name: str, severity: str, alert: str | None
) -> None:
    rig.clock.move(timedelta(hours=-24))
    await rig.take(sample(name), sample(name))

    (changed,) = await rig.events("account.changed")
    assert (changed.data.severity, bool(changed.data.explanation_es)) == (severity, True)
    raised = [event.data.alert for event in await rig.events("channel.alerted")]
    assert raised == ([alert] if severity != "info" else [])
    found = await waiting(rig)
    said = alarms.sound(found, None, None, rig.clock.now())
    assert [one.what for one in said] == [f"WhatsApp: {changed.data.explanation_es}"] * len(raised)
    assert all(one.command.startswith("hub alerts dismiss whatsapp ") for one in said)
    assert [one.level for one in said] == (["wrong" if severity == "critical" else "warning"] * len(raised))


def account(severity: Severity, minutes: int) -> AccountItem:
    at = MONDAY_MORNING - timedelta(hours=1) + timedelta(minutes=minutes)
    return AccountItem("1", f"n{minutes}", at, "template", severity, severity, "Se pausó.", alert="template:a")


@pytest.mark.parametrize("turned", [False, True])
async def test_the_latest_word_on_an_alert_counts_in_whatever_order_it_comes(rig: Rig, turned: bool) -> None:  # noqa: FBT001
    for words, stands in (
        ([account("warning", 1), account("info", 2)], 0),
        ([account("critical", 3), account("warning", 4)], 1),
    ):
        items = words[::-1] if turned else words
        rig.scripted(lambda _, items=items: items)  # type: ignore[misc]
        await rig.take(str(stands).encode(), connector="scripted")
        assert len((await waiting(rig)).alerts) == stands

    (one,) = (await waiting(rig)).alerts
    assert one.severity == "warning"


async def test_an_alert_that_a_person_ended_stands_again_when_it_is_told_again(rig: Rig) -> None:
    rig.scripted(lambda raw: [account("warning", int(raw.body))])
    await rig.take(b"1", connector="scripted")

    ended = await rig.store.transact(
        lambda unit: channels.dismiss(unit.begin(Origin("c", "tests", "staff:1")), "scripted", "1", "template:a"),
        name="tests.dismiss",
    )
    assert ended
    assert (await waiting(rig)).alerts == []

    rig.clock.move(timedelta(hours=1))
    rig.scripted(
        lambda _: [AccountItem("1", "new", rig.clock.now(), "t", "x", "warning", "Otra vez.", alert="template:a")]
    )
    await rig.take(b"2", connector="scripted")
    assert [one.explanation_es for one in (await waiting(rig)).alerts] == ["Otra vez."]


@pytest.mark.feature("NC-06", part="phone")
@pytest.mark.parametrize(
    ("name", "alias", "answered_at"),
    [
        ("system_number_changed", "phone:+523399998888", {"to": "5213399998888"}),
        ("system_number_changed_old_shape", "phone:+523399998888", {"to": "5213399998888"}),
        ("system_user_id_changed", "whatsapp-user:MX.9753124680975312", {"recipient": "MX.9753124680975312"}),
    ],
)
async def test_whoever_changed_number_or_user_id_stays_one_person(
    rig: Rig, name: str, alias: str, answered_at: dict[str, str]
) -> None:
    rig.clock.move(timedelta(hours=-24))
    await rig.take(sample(name))

    owners = {row.alias: row.contact_id for row in await rig.rows("SELECT alias, contact_id FROM identities")}
    left = f"former:{owners[alias]}:" if alias.startswith("phone") else ""
    assert owners[alias] == owners[f"{left}phone:+525587654321"]
    (linked,) = await rig.events("contact.linked")
    assert (linked.data.new_address, linked.data.contact_id) == (alias, owners[alias])
    ((reply_to,),) = await rig.rows("SELECT reply_to FROM conversations")
    assert json.loads(reply_to) == answered_at


@pytest.mark.feature("NC-06", part="phone")
async def test_two_known_people_are_never_merged_by_themselves(rig: Rig) -> None:
    rig.clock.move(timedelta(hours=-24))
    await rig.take(of_messages(text("wamid.new", sender="5213399998888", at=rig.clock.now())))

    await rig.take(sample("system_number_changed"))

    assert await rig.count("contacts") == 2
    (matched,) = await rig.events("contact.matched")
    assert matched.data.contact_id != matched.data.other_contact_id


@pytest.mark.feature("NC-06", part="phone")
async def test_merge_and_undo_are_events_that_leave_each_conversation_where_it_is(rig: Rig) -> None:
    await rig.take(of_messages(text("wamid.1"), text("wamid.2", sender="5215587654321")))
    first, second = [row[0] for row in await rig.rows("SELECT contact_id FROM conversations ORDER BY position")]

    async def decide(fn: Any, cause: str) -> Any:
        return await rig.store.transact(lambda unit: fn(unit.begin(Origin(cause, "tests", "staff:1"))), name="tests.do")

    assert await decide(lambda tx: contacts.merge(tx, first, second), "merge")
    assert not await decide(lambda tx: contacts.merge(tx, first, second), "again")
    assert await decide(lambda tx: contacts.separate(tx, second), "undo")
    assert not await decide(lambda tx: contacts.separate(tx, second), "undo again")

    (merged,), (separated,) = await rig.events("contact.merged"), await rig.events("contact.separated")
    assert (merged.data.contact_id, merged.data.merged_contact_id) == (first, second)
    assert (separated.data.contact_id, separated.data.separated_contact_id) == (first, second)
    assert await rig.count("conversations") == 2
    assert await rig.count("contacts", "merged_into IS NULL") == 2


async def test_an_address_that_only_the_answer_of_a_call_told_is_the_same_persons(rig: Rig) -> None:
    conversation = await open_conversation(rig.store)
    (reply_id,) = await ask(rig.store, conversation, "Le escribimos por privado")

    await attempt(rig.store, reply_id, Accepted("m_1", learned=(Alias("facebook-psid", "1/77"),)))

    owners = {row.alias: row.contact_id for row in await rig.rows("SELECT alias, contact_id FROM identities")}
    assert len(owners) == 2
    assert len(set(owners.values())) == 1


async def test_what_somebody_stopped_is_kept_by_the_latest_word(rig: Rig) -> None:
    rig.clock.move(timedelta(hours=-24))
    await rig.take(sample("user_preferences"))

    assert [event.data.allowed for event in await rig.events("contact.preference_changed")] == [False, True]
    ((category, allowed),) = await rig.rows("SELECT category, allowed FROM preferences")
    assert (category, allowed) == ("marketing_messages", 1)


async def test_who_holds_a_thread_is_kept(rig: Rig) -> None:
    await rig.take(of_messages(text("wamid.1")))
    ana = Party((Alias("phone", "+522221234567"),), {"to": "1"})
    rig.scripted(lambda _: [HandoverItem("1", "h1", rig.clock.now(), ana, "other", "263902037430900")])
    await rig.take(b"x", connector="scripted")

    # Ana has not said anything on that asset yet: whoever has the thread is known before she does.
    (told,) = await rig.events("conversation.handed_over")
    assert (told.data.holder, told.data.application) == ("other", "263902037430900")
    rows = await rig.rows("SELECT holder, window_opened_at FROM conversations WHERE asset = '1'")
    assert [tuple(row) for row in rows] == [("other", None)]
