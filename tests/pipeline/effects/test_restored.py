"""A database that came out of a back-up says nothing again that it may have said before."""

from __future__ import annotations

from datetime import timedelta

from hub.pipeline.effects.restored import WHY
from hub.services import interventions
from hub.store.transaction import Origin
from schemas.operations import TimerFired
from tests.pipeline.effects.rig import Rig
from tests.pipeline.ingest import rig as ingest_rig
from tests.support.webhooks import of_messages, text


async def test_what_the_backup_held_as_not_sent_waits_for_a_person(rig: Rig) -> None:
    ids = await rig.ask("uno", "dos")
    rig.move(minutes=1)
    worker = rig.worker(restored_at=rig.clock.now())

    assert await worker.recover() == 2
    assert await worker.recover() == 0

    assert await rig.states(*ids) == ["doubtful", "doubtful"]
    assert [event.data.reason for event in await rig.events("reply.doubtful")] == [WHY, WHY]
    restored = rig.clock.now()
    rig.move(minutes=1)
    (fresh,) = await rig.ask("tres")
    await rig.turn(rig.lane(restored=restored), times=2)
    assert rig.sender.said == ["tres"]
    assert await rig.states(fresh) == ["accepted"]


async def test_what_a_person_releases_is_sent_also_across_restarts(rig: Rig) -> None:
    (id_,) = await rig.ask("uno")
    rig.move(minutes=1)
    restored = rig.clock.now()
    await rig.worker(restored_at=restored).recover()
    await rig.store.transact(
        lambda unit: interventions.resend_effect(unit.begin(Origin("cmd", "tests", "staff:ana")), id_),
        name="tests.resend",
    )

    assert await rig.worker(restored_at=restored).recover() == 0
    await rig.turn(rig.lane(restored=restored))

    assert rig.sender.said == ["uno"]


async def test_what_is_asked_because_of_something_received_before_is_doubtful_too(rig: Rig) -> None:
    """The journal is ingested again after the restore: handlers answer again what they had answered."""
    restored = rig.clock.now() + timedelta(minutes=10)
    old = await _received(rig, "wamid.old")
    rig.move(minutes=20)
    new = await _received(rig, "wamid.new")
    conversation = (await rig.rows("SELECT id FROM conversations"))[0][0]

    asked = [await _answer(rig, cause, conversation) for cause in (old, new)]
    derived = [await _answer(rig, await _derived(rig, cause, conversation), conversation) for cause in (old, new)]
    await rig.turn(rig.lane(restored=restored), times=6)

    assert await rig.states(*asked, *derived) == ["doubtful", "accepted", "doubtful", "accepted"]


async def test_a_timer_due_before_the_restore_speaks_to_nobody_one_due_later_does(rig: Rig) -> None:
    received = await _received(rig, "wamid.old")
    conversation = (await rig.rows("SELECT id FROM conversations"))[0][0]
    restored = rig.clock.now() + timedelta(minutes=10)
    rig.move(minutes=20)
    asked = []
    for minutes in (5, 15):
        due = restored - timedelta(minutes=10) + timedelta(minutes=minutes)
        fired = TimerFired(group="g", name=f"t{minutes}", generation=1, due=due)
        event = await rig.store.transact(
            lambda unit, f=fired: (
                unit.begin(Origin(received, "g", "hub"))  # type: ignore[misc]
                .state(f, key=conversation, time=f.due, id=f"ev_{f.name}")
                .id
            ),
            name="tests.fire",
        )
        asked.append(await _answer(rig, event, conversation))

    await rig.turn(rig.lane(restored=restored), times=4)

    assert await rig.states(*asked) == ["doubtful", "accepted"]


async def _received(rig: Rig, wamid: str) -> str:
    """Ingest one message; return its event's id."""
    async with ingest_rig.journaling(rig.store, rig.clock, rig.data) as ingest:
        await ingest.take(of_messages(text(wamid, at=rig.clock.now())))
        found = await ingest.events("message.received")
    return found[-1].id


async def _answer(rig: Rig, cause: str, conversation: str) -> str:
    from hub.services import replies

    return await rig.store.transact(
        lambda unit: replies.request(
            unit.begin(Origin(cause, f"g{cause}", "hub")),
            conversation,
            "Hola",
            intent="t",
            useful_for=timedelta(days=1),
        ),
        name="tests.answer",
    )


async def _derived(rig: Rig, cause: str, conversation: str) -> str:
    """State something because of an event, as a handler would."""
    from schemas.conversations import CaseOpened

    fact = CaseOpened(case_id="ca", conversation_id=conversation, contact_id="ct", message_id="ms")
    return await rig.store.transact(
        lambda unit: unit.begin(Origin(cause, "g", "hub")).state(fact, key=conversation).id, name="tests.derive"
    )
