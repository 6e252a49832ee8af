"""A database that came out of a back-up says nothing again that it may have said before."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final, Literal

import pytest

from hub.pipeline.effects.restored import WHY, declare
from hub.services import interventions
from hub.store import journals, restores
from hub.store.restores import Era
from hub.store.transaction import Origin, UnitOfWork
from schemas.operations import TimerFired
from tests.pipeline.effects.rig import PLACE, Rig, working
from tests.pipeline.ingest import rig as ingest_rig
from tests.support.replying import until
from tests.support.webhooks import of_messages, text

ORIGIN: Final = Origin("", "tests", "hub")


async def found_restored(rig: Rig) -> datetime:
    """Let somebody who remembers more notice that the database came out of a back-up; return since when that stands."""
    await declare(rig.store, (await rig.store.read(restores.era)).restored_at)
    since = (await rig.store.read(restores.era)).restored_at
    assert since is not None
    return since


async def test_what_the_backup_held_as_not_sent_waits_for_a_person(rig: Rig) -> None:
    ids = await rig.ask("uno", "dos")
    rig.move(minutes=1)

    await found_restored(rig)

    assert await rig.states(*ids) == ["doubtful", "doubtful"]
    assert [event.data.reason for event in await rig.events("reply.doubtful")] == [WHY, WHY]
    rig.move(minutes=1)
    (fresh,) = await rig.ask("tres")
    await rig.turn(rig.lane(), times=2)
    assert rig.sender.said == ["tres"]
    assert await rig.states(fresh) == ["accepted"]


async def test_whoever_sends_holds_it_though_another_process_noticed(rig: Rig) -> None:
    """Between the word that the database was restored and the last of the doubts a claim finds it by itself."""
    (id_,) = await rig.ask("uno")
    rig.move(minutes=1)
    await rig.store.transact(lambda unit: restores.declare(unit.begin(ORIGIN), None), name="tests.restored")

    await rig.turn(rig.lane())

    assert (await rig.states(id_), rig.sender.said) == (["doubtful"], [])


async def test_two_who_notice_are_one_restore(rig: Rig) -> None:
    first = await found_restored(rig)
    rig.move(minutes=1)

    await declare(rig.store, None)

    assert (await rig.store.read(restores.era)).restored_at == first


async def test_a_database_that_falls_behind_under_a_worker_is_found_at_the_next_claim(rig: Rig) -> None:
    (id_,) = await rig.ask("uno")
    now = await rig.store.read(restores.era)
    rig.restored.saw(Era(now.newest + 1))
    rig.move(minutes=1)

    await rig.turn(rig.lane())

    assert (await rig.states(id_), rig.sender.said) == (["doubtful"], [])
    assert (await rig.store.read(restores.era)).restored_at == rig.clock.now()


async def test_a_worker_doubts_what_waits_when_another_process_noticed(rig: Rig) -> None:
    worker = rig.worker()
    await worker._look()
    (id_,) = await rig.ask("uno")
    rig.move(minutes=1)
    await rig.store.transact(lambda unit: restores.declare(unit.begin(ORIGIN), None), name="tests.restored")

    await worker._look()

    assert await rig.states(id_) == ["doubtful"]


async def test_a_worker_without_a_journal_waits_for_the_word_of_one(rig: Rig) -> None:
    """Else it would send what a restored database still holds before anybody with a mark has looked at it."""

    def tell(unit: UnitOfWork) -> None:
        journals.report(unit.begin(ORIGIN), "j1", "host", 0, None)

    await rig.store.transact(lambda unit: journals.enrol(unit.begin(ORIGIN), "j1", "host"), name="tests.enrol")
    (id_,) = await rig.ask("uno")
    worker = rig.worker(is_witness=False)
    for _ in range(3):
        assert await worker._look() == ()

    await rig.store.transact(tell, name="tests.report")
    assert await worker._look() == [PLACE]
    async with working(worker):
        await until(_in_state(rig, id_, "accepted"), "it is sent")


async def test_where_no_journal_is_known_there_is_nobody_to_wait_for(rig: Rig) -> None:
    await rig.ask("uno")

    assert await rig.worker(is_witness=False)._look() == [PLACE]


async def test_what_a_person_releases_is_sent_also_across_restarts(rig: Rig) -> None:
    (id_,) = await rig.ask("uno")
    rig.move(minutes=1)
    await found_restored(rig)
    await rig.store.transact(
        lambda unit: interventions.resend_effect(unit.begin(Origin("cmd", "tests", "staff:ana")), id_),
        name="tests.resend",
    )

    assert await rig.worker().recover() == 0
    await rig.turn(rig.lane())

    assert rig.sender.said == ["uno"]


async def test_what_was_released_once_is_held_again_by_the_next_restore(rig: Rig) -> None:
    (id_,) = await rig.ask("uno")
    for _ in range(2):
        rig.move(minutes=1)
        await found_restored(rig)
        assert await rig.states(id_) == ["doubtful"]
        await rig.store.transact(
            lambda unit: interventions.resend_effect(unit.begin(Origin("cmd", "tests", "staff:ana")), id_),
            name="tests.resend",
        )

    assert len(await rig.events("reply.doubtful")) == 2


@pytest.mark.parametrize(("how", "states"), [("resend", "intent"), ("sent", "confirmed"), ("failed", "failed")])
async def test_a_person_decides_in_bulk(rig: Rig, how: Literal["resend", "sent", "failed"], states: str) -> None:
    ids = await rig.ask("uno", "dos", "tres")
    rig.move(minutes=1)
    await found_restored(rig)
    after, turns = 0, 0

    def decide(unit: UnitOfWork) -> int:
        tx = unit.begin(Origin("cmd", "tests", "staff:ana"))
        return interventions.release_held(tx, how, tx.now, after=after, limit=2)

    while found := await rig.store.transact(decide, name="tests.release"):
        after, turns = found, turns + 1

    assert turns == 2
    assert await rig.states(*ids) == [states] * 3


async def test_what_is_asked_because_of_something_received_before_is_doubtful_too(rig: Rig) -> None:
    """The journal is ingested again after the restore: handlers answer again what they had answered."""
    old = await _received(rig, "wamid.old")
    rig.move(minutes=10)
    await found_restored(rig)
    rig.move(minutes=10)
    new = await _received(rig, "wamid.new")
    conversation = (await rig.rows("SELECT id FROM conversations"))[0][0]

    asked = [await _answer(rig, cause, conversation) for cause in (old, new)]
    derived = [await _answer(rig, await _derived(rig, cause, conversation), conversation) for cause in (old, new)]
    await rig.turn(rig.lane(), times=6)

    assert await rig.states(*asked, *derived) == ["doubtful", "accepted", "doubtful", "accepted"]


async def test_a_timer_due_before_the_restore_speaks_to_nobody_one_due_later_does(rig: Rig) -> None:
    received = await _received(rig, "wamid.old")
    conversation = (await rig.rows("SELECT id FROM conversations"))[0][0]
    rig.move(minutes=10)
    restored = await found_restored(rig)
    rig.move(minutes=10)
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

    await rig.turn(rig.lane(), times=4)

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


def _in_state(rig: Rig, effect_id: str, state: str) -> Callable[[], Awaitable[bool]]:
    async def is_so() -> bool:
        return await rig.states(effect_id) == [state]

    return is_so
