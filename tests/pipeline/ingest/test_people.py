"""Who wrote is one person, however many addresses they have."""

from __future__ import annotations

from tests.pipeline.ingest.rig import Rig
from tests.support.webhooks import ANA, LUIS, change, of_messages, person, text, webhook

ANA_ID = "MX.1357924680135792"
LUIS_ID = "MX.2468013579246801"


async def test_one_person_by_phone_with_and_without_the_one(rig: Rig) -> None:
    await rig.take(of_messages(text("wamid.1", sender="522221234567"), text("wamid.2", sender="5212221234567")))

    assert await rig.count("contacts") == await rig.count("conversations") == await rig.count("identities") == 1


async def test_a_new_address_of_a_known_person_joins_them(rig: Rig) -> None:
    known = change(messages=[text("wamid.1")], contacts=[person()])
    both = change(messages=[text("wamid.2", from_user_id=ANA_ID)], contacts=[person(user_id=ANA_ID)])
    alone = {**text("wamid.3", from_user_id=ANA_ID)}
    del alone["from"]

    await rig.take(webhook(known), webhook(both), of_messages(alone))

    assert await rig.count("contacts") == await rig.count("conversations") == 1
    assert sorted(row[0] for row in await rig.rows("SELECT alias FROM identities")) == [
        "phone:+522221234567",
        f"whatsapp-user:{ANA_ID}",
    ]
    assert len(await rig.events("contact.identified")) == len(await rig.events("conversation.opened")) == 1


async def test_the_same_new_person_twice_in_a_batch_is_one(rig: Rig) -> None:
    await rig.deliver(of_messages(text("wamid.1"), text("wamid.2", sender=LUIS)), of_messages(text("wamid.3")))
    await rig.ingest()

    assert await rig.count("contacts") == await rig.count("conversations") == 2
    first = [event.data.first_in_conversation for event in await rig.events("message.received")]
    assert first == [True, True, False]


async def test_an_address_of_somebody_else_is_left_with_them(rig: Rig) -> None:
    await rig.take(of_messages(text("wamid.1", sender=LUIS)))
    ((luis,),) = await rig.rows("SELECT contact_id FROM identities")

    await rig.take(
        webhook(change(messages=[text("wamid.2", from_user_id=ANA_ID)], contacts=[person(user_id=ANA_ID)])),
        webhook(
            change(
                messages=[text("wamid.3", sender=LUIS, from_user_id=ANA_ID)], contacts=[person(LUIS, user_id=ANA_ID)]
            )
        ),
    )

    owners = {row.alias: row.contact_id for row in await rig.rows("SELECT alias, contact_id FROM identities")}
    assert owners["phone:+525587654321"] == luis
    assert owners[f"whatsapp-user:{ANA_ID}"] == owners["phone:+522221234567"] != luis
    third = (await rig.events("message.received"))[2]
    assert third.data.contact_id == owners[f"whatsapp-user:{ANA_ID}"]


async def test_a_name_is_learnt_once_and_never_overwritten(rig: Rig) -> None:
    await rig.take(of_messages(text("wamid.1")))
    await rig.take(webhook(change(messages=[text("wamid.2")], contacts=[person(name="Ana Torres")])))
    await rig.take(webhook(change(messages=[text("wamid.3")], contacts=[person(name="Anita")])))

    assert [tuple(row) for row in await rig.rows("SELECT display_name FROM contacts")] == [("Ana Torres",)]
    (identified,) = await rig.events("contact.identified")
    assert identified.data.display_name is None


async def test_a_name_that_comes_later_in_the_same_batch_is_learnt(rig: Rig) -> None:
    named = change(messages=[text("wamid.2")], contacts=[person(name="Ana Torres")])

    await rig.take(webhook(change(messages=[text("wamid.1")]), named))

    assert [tuple(row) for row in await rig.rows("SELECT display_name FROM contacts")] == [("Ana Torres",)]


async def test_replies_go_to_the_address_that_was_used_last(rig: Rig) -> None:
    alone = {**text("wamid.2", from_user_id=ANA_ID)}
    del alone["from"]
    await rig.take(webhook(change(messages=[text("wamid.1", from_user_id=ANA_ID)], contacts=[person(user_id=ANA_ID)])))
    ((before,),) = await rig.rows("SELECT reply_to FROM conversations")

    await rig.take(of_messages(alone))

    ((after,),) = await rig.rows("SELECT reply_to FROM conversations")
    assert (before, after) == (f'{{"to":"{ANA}"}}', f'{{"recipient":"{ANA_ID}"}}')


async def test_each_number_of_ours_has_its_own_conversation_with_a_person(rig: Rig) -> None:
    await rig.take(
        webhook(change(messages=[text("wamid.1")]), change(messages=[text("wamid.2")], number="223450000000003"))
    )

    assert await rig.count("contacts") == 1
    assert await rig.count("conversations") == 2


async def test_the_same_provider_id_on_two_numbers_is_two_messages(rig: Rig) -> None:
    await rig.take(
        webhook(change(messages=[text("wamid.1")]), change(messages=[text("wamid.1")], number="223450000000003"))
    )

    assert len({event.id for event in await rig.events("message.received")}) == 2
