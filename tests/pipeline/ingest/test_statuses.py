"""What the provider tells of our messages ends the same in whatever order it comes."""

from __future__ import annotations

import asyncio
import itertools
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.contracts import Accepted, Rejected, Unclear
from hub.pipeline.effects import settle
from hub.settings import Waits
from tests.pipeline.ingest.rig import Rig, running
from tests.support.replying import ask, attempt, effect, open_conversation
from tests.support.webhooks import NUMBER, change, of_statuses, status, webhook

WAMID = "wamid.ours"


async def reply(rig: Rig) -> str:
    """Return the id of a reply that was asked for."""
    conversation = await open_conversation(rig.store)
    (reply_id,) = await ask(rig.store, conversation, "Hola")
    return reply_id


async def states(rig: Rig, reply_id: str) -> tuple[str, str, str | None]:
    ((message, provider_id),) = await rig.rows("SELECT state, provider_id FROM messages WHERE id = :id", id=reply_id)
    return message, (await effect(rig.store, reply_id)).state, provider_id


async def told(rig: Rig) -> list[str]:
    return [event.type.split(".")[2] for event in await rig.events("reply.%") if event.type != "hub.reply.requested.v1"]


async def test_statuses_that_come_before_the_answer_wait_for_it(rig: Rig) -> None:
    reply_id = await reply(rig)
    await rig.take(of_statuses(status(WAMID, "delivered"), status(WAMID, "sent")), of_statuses(status(WAMID, "read")))
    assert await rig.sums() == {"deliveries": 2, "items": 3, "waiting": 3}

    await attempt(rig.store, reply_id, Accepted(WAMID))

    assert await states(rig, reply_id) == ("read", "confirmed", WAMID)
    assert await told(rig) == ["sent", "delivered", "read"]
    assert await rig.sums() == {"deliveries": 2, "items": 3, "published": 2, "ignored": 1}
    assert await rig.count("waiting_items") == 0


async def test_a_waiting_status_that_comes_again_is_a_duplicate(rig: Rig) -> None:
    await reply(rig)
    body = of_statuses(status(WAMID, "sent"))

    await rig.take(body, body)

    assert await rig.sums() == {"deliveries": 2, "items": 2, "waiting": 1, "duplicate": 1}


async def test_a_delivery_half_ingested_stays_so_when_one_of_its_items_is_settled(rig: Rig) -> None:
    reply_id = await reply(rig)
    await rig.take(of_statuses(status(WAMID, "sent")))
    await rig.store.transact(_partial, name="tests.partial")

    await attempt(rig.store, reply_id, Accepted(WAMID))

    assert await rig.count("deliveries", "state = 'partial'") == 1


def _partial(unit: Any) -> None:
    unit.connection.exec_driver_sql("UPDATE deliveries SET state = 'partial'")


async def test_statuses_of_messages_that_are_not_ours_wait_in_the_count(rig: Rig) -> None:
    reply_id = await reply(rig)
    await attempt(rig.store, reply_id, Accepted(WAMID))

    await rig.take(
        of_statuses(status("wamid.somebody", "sent", ours="ef_somebody")),
        webhook(change(statuses=[status(WAMID, "read")], number="223450000000003")),
    )

    assert await rig.sums() == {"deliveries": 2, "items": 2, "waiting": 2}
    assert await states(rig, reply_id) == ("sent", "accepted", WAMID)


@pytest.mark.parametrize("lost", [(), (Unclear("lost"),)], ids=["under way", "unclear"])
@pytest.mark.parametrize(
    ("word", "ends"), [("sent", "sent"), ("delivered", "delivered"), ("read", "read"), ("failed", "failed")]
)
async def test_a_status_settles_an_effect_whose_answer_was_lost(
    rig: Rig, lost: tuple[Unclear, ...], word: str, ends: str
) -> None:
    reply_id = await reply(rig)
    await attempt(rig.store, reply_id, *lost)

    await rig.take(of_statuses(status(WAMID, word, ours=reply_id)))

    assert await states(rig, reply_id) == (ends, "failed" if word == "failed" else "confirmed", WAMID)
    assert await told(rig) == [ends]


@pytest.mark.feature("OP-08", part="whatsapp")
async def test_what_failed_for_the_channels_sake_raises_one_alarm(rig: Rig) -> None:
    conversation = await open_conversation(rig.store)
    replies = await ask(rig.store, conversation, "uno", "dos", "tres")
    for number, (reply_id, code) in enumerate(zip(replies, (131042, 131042, 131000), strict=True)):
        await attempt(rig.store, reply_id, Accepted(f"wamid.{number}"))
        told_ = status(f"wamid.{number}", "failed", ours=reply_id)
        await rig.take(of_statuses({**told_, "errors": [{"code": code}]}))

    failed = [event.data for event in await rig.events("reply.failed")]
    assert [data.code for data in failed] == ["131042", "131042", "131000"]
    assert failed[2].explanation_es.endswith("Reinténtalo."), "nobody retries by itself what was taken"
    (alarm,) = await rig.events("channel.alerted")
    assert (alarm.data.alert, alarm.data.explanation_es) == ("stopped:131042", failed[0].explanation_es)
    ((severity,),) = await rig.rows("SELECT severity FROM channel_alerts")
    assert severity == "critical"


async def test_a_late_status_settles_what_a_person_was_shown_as_doubtful(rig: Rig) -> None:
    reply_id = await reply(rig)
    await attempt(rig.store, reply_id, Unclear("lost"))
    row = await effect(rig.store, reply_id)
    await rig.store.transact(lambda unit: settle.overdue(unit, [row]), name="tests.overdue")
    assert await told(rig) == ["doubtful"]
    rig.clock.move(timedelta(hours=5))

    await rig.take(of_statuses(status(WAMID, "delivered", ours=reply_id, at=rig.clock.now())))

    assert await states(rig, reply_id) == ("delivered", "confirmed", WAMID)


async def test_a_status_that_names_it_brings_those_along_that_did_not(rig: Rig) -> None:
    reply_id = await reply(rig)
    await attempt(rig.store, reply_id, Unclear("lost"))
    await rig.take(of_statuses(status(WAMID, "read")))
    assert await states(rig, reply_id) == ("requested", "unknown", None)

    await rig.take(of_statuses(status(WAMID, "sent", ours=reply_id)))

    assert await states(rig, reply_id) == ("read", "confirmed", WAMID)
    assert await rig.sums() == {"deliveries": 2, "items": 2, "published": 2}


async def test_the_answer_after_the_status_changes_nothing(rig: Rig) -> None:
    reply_id = await reply(rig)
    await attempt(rig.store, reply_id)
    under_way = await effect(rig.store, reply_id)
    await rig.take(of_statuses(status(WAMID, "delivered", ours=reply_id)))

    for answer in (Accepted(WAMID), Unclear("lost"), Rejected("1", "no")):
        await rig.store.transact(settle.outcomes([(under_way, answer)], Waits()), name="tests.late")

    assert await states(rig, reply_id) == ("delivered", "confirmed", WAMID)
    assert await told(rig) == ["delivered"]


@pytest.mark.feature("NC-01", part="whatsapp")
async def test_what_a_status_states_points_to_its_raw_delivery_with_the_providers_time(rig: Rig) -> None:
    reply_id = await reply(rig)
    at = rig.clock.now() - timedelta(minutes=5)
    await rig.take(of_statuses(status(WAMID, "delivered", at=at)))
    rig.clock.move(timedelta(hours=1))
    await attempt(rig.store, reply_id, Accepted(WAMID))
    await rig.take(of_statuses(status(WAMID, "read", at=at + timedelta(minutes=1))))

    delivered, read = (*await rig.events("reply.delivered"), *await rig.events("reply.read"))

    raw = [row[0] for row in await rig.rows("SELECT id FROM deliveries ORDER BY position")]
    assert [delivered.causation, read.causation] == [f"{raw[0]}/0", f"{raw[1]}/0"]
    assert (delivered.time, read.time) == (at, at + timedelta(minutes=1))
    assert (delivered.actor, delivered.subject) == ("provider", reply_id)


def test_every_order_of_all_statuses_ends_the_same(tmp_path: Path) -> None:
    words = ("sent", "delivered", "read", "failed")

    async def run() -> set[tuple[str, str]]:
        async with running(tmp_path) as rig:
            conversation = await open_conversation(rig.store)
            ends = set()
            for number, order in enumerate(itertools.permutations(words)):
                (reply_id,) = await ask(rig.store, conversation, f"n{number}")
                wamid = f"wamid.{number}"
                await attempt(rig.store, reply_id, Accepted(wamid))
                await rig.take(of_statuses(*(status(wamid, word) for word in order)))
                message, state, _ = await states(rig, reply_id)
                ends.add((message, state))
            return ends

    assert asyncio.run(run()) == {("read", "confirmed")}


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sets(st.sampled_from(["sent", "delivered", "read", "failed"]), min_size=1),
    st.data(),
)
def test_any_shuffle_with_duplicates_ends_the_same(
    tmp_path_factory: pytest.TempPathFactory, words: set[str], data: st.DataObject
) -> None:
    """Also when the answer itself comes anywhere among them, with or without our id on each status."""
    orders = [
        data.draw(st.permutations([*words, *data.draw(st.lists(st.sampled_from(sorted(words)), max_size=3)), "answer"]))
        for _ in range(2)
    ]
    named = data.draw(st.lists(st.booleans(), min_size=16, max_size=16))

    async def run() -> list[tuple[str, str, str | None]]:
        async with running(tmp_path_factory.mktemp("shuffle")) as rig:
            conversation = await open_conversation(rig.store)
            ends = []
            for number, order in enumerate(orders):
                (reply_id,) = await ask(rig.store, conversation, f"n{number}")
                ends.append(await _play(rig, reply_id, f"wamid.{number}", order, iter(named)))
            return ends

    first, second = asyncio.run(run())
    assert first[:2] == second[:2]


async def _play(rig: Rig, reply_id: str, wamid: str, order: list[str], named: Any) -> tuple[str, str, str | None]:
    await attempt(rig.store, reply_id)
    under_way = await effect(rig.store, reply_id)
    for word in order:
        if word == "answer":
            accept = settle.outcomes([(under_way, Accepted(wamid))], Waits())
            await rig.store.transact(accept, name="tests.answer")
        else:
            await rig.take(of_statuses(status(wamid, word, ours=reply_id if next(named) else None)))
    message, state, provider_id = await states(rig, reply_id)
    assert provider_id == wamid
    assert await rig.count("waiting_items", f"target = '{wamid}'") == 0
    assert (await effect(rig.store, reply_id)).asset == NUMBER
    return message, state, provider_id
