"""Each ingester tells the database what its journal holds; a database that went back is looked at anew."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from hub.pipeline.ingest import Ingester, Reporter, examine
from hub.pipeline.ingest.mark import Mark, MarkFile
from hub.pipeline.ingest.reporter import WentBack
from hub.pipeline.journal import JournalReader
from hub.store import journals, restores
from hub.store.journals import Report
from hub.store.transaction import Origin, UnitOfWork
from schemas.conversations import CaseOpened
from tests.pipeline.ingest.rig import Rig
from tests.support.webhooks import of_messages, text

ORIGIN = Origin("", "tests", "hub")


def reporting(rig: Rig, host: str = "nodo-1", *, leaves: bool = False) -> Ingester:
    return rig.ingester(reporter=Reporter(rig.store, host, leaves=lambda: leaves))


async def reports(rig: Rig) -> Sequence[Report]:
    return await rig.store.read(journals.known)


async def newest(rig: Rig) -> int:
    return (await rig.store.read(restores.era)).newest


def mark_of(rig: Rig) -> Mark:
    mark = MarkFile(rig.data / "journal").read()
    assert mark is not None
    return mark


def _state_something(unit: UnitOfWork) -> None:
    fact = CaseOpened(case_id="ca", conversation_id="cv", contact_id="ct", message_id="ms")
    unit.begin(Origin("cause", "tests", "hub")).state(fact, key="cv")


async def test_what_waits_is_known_by_host_with_its_age(rig: Rig) -> None:
    ingester = reporting(rig)
    accepted = rig.clock.now()
    await rig.deliver(of_messages(text("wamid.1")), of_messages(text("wamid.2")))
    await ingester._load()
    rig.clock.move(timedelta(minutes=2))

    await ingester.report()

    (one,) = await reports(rig)
    assert (one.journal, one.host) == (JournalReader(rig.data / "journal").journal_id, "nodo-1")
    assert (one.pending, one.pending_since) == (2, accepted)
    assert one.silent_for < timedelta(seconds=20)

    await rig.ingest(ingester)
    await ingester.report()

    (one,) = await reports(rig)
    assert (one.pending, one.pending_since, one.waiting_for) == (0, None, timedelta(0))


async def test_silence_is_counted_by_the_databases_clock(rig: Rig, request: pytest.FixtureRequest) -> None:
    ingester = reporting(rig)
    await rig.ingest(ingester)
    await ingester.report()
    rig.clock.move(timedelta(hours=1))

    (one,) = await reports(rig)

    on_postgres = "postgresql" in request.node.name
    assert (one.silent_for < timedelta(minutes=1)) is on_postgres


async def test_one_that_was_struck_off_stays_so_while_it_leaves_yet_comes_back_by_itself(rig: Rig) -> None:
    staying, leaving = reporting(rig), reporting(rig, leaves=True)
    for ingester in (staying, leaving):
        await rig.ingest(ingester)
    await staying.report()
    (one,) = await reports(rig)
    await rig.store.transact(lambda unit: journals.strike(unit.begin(ORIGIN), one.journal), name="tests.strike")

    await leaving.report()
    assert await reports(rig) == []
    await staying.report()
    assert len(await reports(rig)) == 1


async def test_a_report_takes_the_mark_on_with_what_others_wrote(rig: Rig) -> None:
    """What timers or another journal brought into the database is in no cursor of this one."""
    ingester = reporting(rig)
    await rig.take(of_messages(text("wamid.1")))
    await rig.ingest(ingester)
    before = mark_of(rig)
    await rig.store.transact(_state_something, name="tests.state")

    await ingester.report()
    await ingester.step()

    assert mark_of(rig).position == await newest(rig) > before.position


async def test_a_database_that_forgot_what_others_wrote_is_a_restored_one(rig: Rig) -> None:
    await rig.take(of_messages(text("wamid.1")))
    mark = mark_of(rig)
    MarkFile(rig.data / "journal").write(mark.model_copy(update={"position": await newest(rig) + 1}))

    found = await examine(JournalReader(rig.data / "journal"), rig.store)

    assert found is not None
    assert found.restored_at == (await rig.store.read(restores.era)).restored_at == rig.clock.now()


async def test_a_restore_that_another_journal_noticed_is_not_noticed_twice(rig: Rig) -> None:
    """Each machine finds its mark ahead, maybe an hour later; what came in since is no older for that."""
    await rig.take(of_messages(text("wamid.1")))
    MarkFile(rig.data / "journal").write(mark_of(rig).model_copy(update={"position": await newest(rig) + 1}))
    await rig.store.transact(lambda unit: restores.declare(unit.begin(ORIGIN), None), name="tests.restored")
    first = rig.clock.now()
    rig.clock.move(timedelta(hours=1))

    await examine(JournalReader(rig.data / "journal"), rig.store)

    assert (await rig.store.read(restores.era)).restored_at == mark_of(rig).restored_at == first


async def test_a_database_that_forgot_that_it_was_restored_was_restored_again(rig: Rig) -> None:
    await rig.take(of_messages(text("wamid.1")))
    before = rig.clock.now() - timedelta(hours=1)
    MarkFile(rig.data / "journal").write(mark_of(rig).model_copy(update={"restored_at": before}))

    await examine(JournalReader(rig.data / "journal"), rig.store)

    assert (await rig.store.read(restores.era)).restored_at == rig.clock.now()


async def test_an_ingester_under_which_the_database_goes_back_gives_no_word_but_looks_again(rig: Rig) -> None:
    ingester = reporting(rig)
    await rig.deliver(of_messages(text("wamid.1")))
    await rig.ingest(ingester)
    await ingester.report()
    counted = await rig.store.read(journals.reports)
    assert ingester._mark is not None
    ingester._mark = ingester._mark.model_copy(update={"position": await newest(rig) + 5})

    with pytest.raises(WentBack):
        await ingester.report()
    assert await rig.store.read(journals.reports) == counted
    ingester._known = False
    await rig.ingest(ingester)

    assert (await rig.store.read(restores.era)).restored_at == rig.clock.now()


async def test_a_cursor_that_went_back_is_a_restore_no_other_process(rig: Rig) -> None:
    ingester = reporting(rig)
    await rig.deliver(of_messages(text("wamid.1")))
    await rig.ingest(ingester)
    # As an older copy of the database has it.
    await rig.store.transact(
        lambda unit: unit.connection.exec_driver_sql("DELETE FROM journal_cursors"), name="tests.back"
    )
    await rig.deliver(of_messages(text("wamid.2")))

    with pytest.raises(WentBack):
        await ingester.step()
    assert await ingester._run_until_idle()
    assert await ingester._run_until_idle()

    assert (await rig.store.read(restores.era)).restored_at == rig.clock.now()
    assert len(await rig.events("message.received")) == 2
