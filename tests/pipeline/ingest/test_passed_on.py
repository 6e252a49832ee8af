"""A number that its carrier gives to somebody else leads to nobody's conversation but theirs."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.pipeline.ingest.rig import Rig
from tests.support.webhooks import change, of_messages, person, text, webhook

OLD, NEW = "5212221234567", "5213399998888"
ANA, ANA_THEN, STRANGER = "MX.1110000000000001", "MX.1120000000000002", "MX.9990000000000009"


def said(id_: str, sender: str, user_id: str) -> bytes:
    return webhook(
        change(
            messages=[text(id_, sender=sender, from_user_id=user_id)],
            contacts=[person(sender, name=None, user_id=user_id)],
        )
    )


def system(id_: str, kind: str, **told: str) -> bytes:
    about = {"type": "system", "system": {"type": kind, **told}, "from_user_id": ANA}
    return of_messages({**text(id_, sender=OLD), **about})


FIRST = said("wamid.1", OLD, ANA)
MOVED = system("wamid.moved", "user_changed_number", wa_id=NEW)
RENAMED = system("wamid.renamed", "user_changed_user_id", user_id=ANA_THEN, previous_user_id=ANA)
FROM_A_STRANGER = said("wamid.stranger", OLD, STRANGER)


async def owners(rig: Rig) -> dict[str, str]:
    return {row.alias: row.contact_id for row in await rig.rows("SELECT alias, contact_id FROM identities")}


async def take(rig: Rig, bodies: tuple[bytes, ...], *, at_once: bool) -> None:
    if at_once:
        await rig.take(*bodies)
        return
    for body in bodies:
        await rig.take(body)
        rig.clock.move(timedelta(minutes=1))


async def speakers(rig: Rig) -> list[str]:
    return [event.data.contact_id for event in await rig.events("message.received")]


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_stranger_with_the_number_that_somebody_left_is_a_person_of_their_own(
    rig: Rig, *, at_once: bool
) -> None:
    await take(rig, (FIRST, MOVED, FROM_A_STRANGER, FIRST), at_once=at_once)

    ana, stranger = await speakers(rig)
    assert ana != stranger
    assert await owners(rig) == {
        f"whatsapp-user:{ANA}": ana,
        f"former:{ana}:phone:+522221234567": ana,
        "phone:+523399998888": ana,
        f"whatsapp-user:{STRANGER}": stranger,
        "phone:+522221234567": stranger,
    }
    answered_at: dict[str, Any] = {
        row.contact_id: json.loads(row.reply_to)
        for row in await rig.rows("SELECT contact_id, reply_to FROM conversations")
    }
    assert answered_at == {ana: {"to": NEW}, stranger: {"to": OLD}}
    assert (await rig.sums())["duplicate"] == 1
    assert await rig.events("contact.matched") == []


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_number_in_other_hands_is_seen_by_the_user_id_that_comes_with_it(rig: Rig, *, at_once: bool) -> None:
    again = (said("wamid.again", OLD, STRANGER), said("wamid.back", OLD, ANA))
    await take(rig, (FIRST, FROM_A_STRANGER, *again), at_once=at_once)

    ana, stranger, *later = await speakers(rig)
    assert ana != stranger
    assert later == [stranger, ana]
    assert (await owners(rig))["phone:+522221234567"] == stranger
    assert await rig.count("conversations") == 2
    (matched,) = await rig.events("contact.matched")
    assert (matched.data.contact_id, matched.data.other_contact_id) == (ana, stranger)


async def test_at_the_number_of_another_portfolio_a_person_has_another_user_id(rig: Rig) -> None:
    elsewhere = webhook(
        change(
            messages=[text("wamid.2", sender=OLD, from_user_id=STRANGER)],
            contacts=[person(OLD, name=None, user_id=STRANGER)],
            number="223450000000077",
        )
    )

    await take(rig, (FIRST, elsewhere, said("wamid.3", OLD, ANA)), at_once=False)

    assert len(set(await speakers(rig))) == 1
    assert await rig.events("contact.matched") == []


async def test_a_number_passes_on_as_often_as_it_is_given_away(rig: Rig) -> None:
    hands = [said(f"wamid.{hand}", OLD, f"MX.50000{hand}") for hand in range(4)]

    await rig.take(*hands)

    assert len(set(await speakers(rig))) == 4
    assert (await owners(rig))["phone:+522221234567"] == (await speakers(rig))[-1]


@pytest.mark.parametrize("order", [(RENAMED, "said"), ("said", RENAMED)], ids=["told first", "said first"])
async def test_whoever_changed_number_with_user_id_is_one_person_in_any_order(rig: Rig, order: tuple[Any, ...]) -> None:
    then = said("wamid.then", NEW, ANA_THEN)
    await take(rig, (FIRST, MOVED, *(then if body == "said" else body for body in order)), at_once=False)

    assert len(set(await speakers(rig))) == 1
    assert await rig.count("contacts") == await rig.count("conversations") == 1


async def test_a_change_of_number_told_after_the_first_word_from_there_retires_the_old_one(rig: Rig) -> None:
    alone = of_messages(text("wamid.alone", sender=OLD))
    await take(rig, (FIRST, said("wamid.2", NEW, ANA), MOVED, alone), at_once=False)

    first, second, stranger = await speakers(rig)
    assert first == second != stranger


async def test_an_old_message_that_comes_late_does_not_bring_the_left_number_back(rig: Rig) -> None:
    alone = of_messages(text("wamid.alone", sender=OLD))
    await take(rig, (FIRST, MOVED, said("wamid.late", OLD, ANA), alone), at_once=False)

    first, late, stranger = await speakers(rig)
    assert first == late != stranger
    assert (await owners(rig))["phone:+522221234567"] == stranger


async def test_whoever_takes_back_a_number_has_it_until_they_leave_it_again(rig: Rig) -> None:
    back = {**text("wamid.back", sender=NEW), "type": "system"}
    returned = of_messages({**back, "system": {"type": "user_changed_number", "wa_id": OLD}})
    moved_again = system("wamid.again", "user_changed_number", wa_id=NEW)
    await take(rig, (FIRST, MOVED, returned), at_once=False)
    (ana,) = await speakers(rig)
    assert (await owners(rig))["phone:+522221234567"] == ana

    await take(rig, (moved_again, FROM_A_STRANGER), at_once=False)

    assert (await owners(rig))["phone:+523399998888"] == ana
    assert (await speakers(rig))[1] != ana


async def test_a_change_told_again_says_nothing_of_who_has_the_number_now(rig: Rig) -> None:
    told_again = system("wamid.moved.again", "user_changed_number", wa_id=NEW)
    await take(rig, (FIRST, MOVED, told_again, FROM_A_STRANGER), at_once=False)
    before = await owners(rig)

    await rig.take(told_again)

    assert await owners(rig) == before
    assert await rig.events("contact.matched") == []
