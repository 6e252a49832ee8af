"""A redriven event is handled alone, once, at the time of its redrive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from hub.errors import NotFound, Permanent, StoreUnavailable
from hub.pipeline.redrive import Redriver
from hub.services import interventions
from hub.store.tables import audit, events
from hub.store.transaction import Origin
from schemas import ids
from tests.contracts.event_bus.embedded import EmbeddedWorkshop
from tests.contracts.event_bus.ledger import Answered, Ledger, failing
from tests.contracts.event_bus.preparing import newer_folios


@pytest.fixture
async def workshop(tmp_path: Path) -> AsyncIterator[EmbeddedWorkshop]:
    place = EmbeddedWorkshop(tmp_path)
    yield place
    await place.close()


async def _with_a_letter(workshop: EmbeddedWorkshop, **more: Any) -> tuple[Ledger, Redriver, Any]:
    ledger = Ledger(trouble=failing(("a", 1), error=lambda: Permanent("not like this")), **more)
    await workshop.open(ledger.handler, bus=False)
    await workshop.state(("a", 1), ("a", 2))
    await workshop.consumers["ledger"].work(["a"])
    (letter,) = await workshop.letters()
    workshop.clock.move(timedelta(days=2))
    return ledger, Redriver(workshop.store, {}, {"ledger": ledger.handler}), letter


async def test_a_redriven_event_acts_now_with_the_ids_of_then(workshop: EmbeddedWorkshop) -> None:
    ledger, redriver, letter = await _with_a_letter(workshop)
    ledger.trouble = lambda key, number: None

    assert await redriver.redrive(letter.id, "staff:1") is None

    assert await workshop.writing_order() == [("a", 2), ("a", 1)]
    (*_, written) = await workshop.store.read(lambda tx: tx.all(select(audit.c.at)))
    assert written.at == workshop.clock.now()
    asked = await workshop.store.read(lambda tx: tx.one(select(events).where(events.c.id == letter.item)))
    assert asked is not None
    prefix = ids.instant_prefix(asked.receivedat)
    answer_id = ids.derived_event_id(letter.item, "ledger", Answered.TYPE, 0, prefix)
    answer = await workshop.store.read(lambda tx: tx.one(select(events).where(events.c.id == answer_id)))
    assert answer is not None
    assert answer.time == workshop.clock.now()
    (settled,) = await workshop.letters()
    assert (settled.state, settled.settled_by, settled.settled_at) == ("redriven", "staff:1", workshop.clock.now())


async def test_redriving_again_does_nothing(workshop: EmbeddedWorkshop) -> None:
    ledger, redriver, letter = await _with_a_letter(workshop)
    ledger.trouble = lambda key, number: None

    for _ in range(3):
        assert await redriver.redrive(letter.id, "staff:1") is None

    assert await workshop.written() == {"a": [2, 1]}


async def test_five_redrives_at_once_act_once(workshop: EmbeddedWorkshop) -> None:
    ledger, redriver, letter = await _with_a_letter(workshop)
    ledger.trouble = lambda key, number: None

    done = await asyncio.gather(*(redriver.redrive(letter.id, "staff:1") for _ in range(5)))

    assert done == [None] * 5
    assert await workshop.written() == {"a": [2, 1]}


async def test_an_event_that_fails_again_stays_a_letter_with_one_more_attempt(workshop: EmbeddedWorkshop) -> None:
    ledger, redriver, letter = await _with_a_letter(workshop)
    ledger.trouble = failing(("a", 1), error=lambda: SystemExit(1))

    why = await redriver.redrive(letter.id, "staff:1")

    assert why == "Escaped: the handler raised SystemExit"
    (again,) = await workshop.letters()
    assert (again.state, again.reason) == ("open", why)
    assert [attempt["error"] for attempt in again.attempts] == ["Permanent: not like this", why]
    assert await workshop.written() == {"a": [2]}


async def test_what_the_handler_does_not_find_is_a_failed_attempt(workshop: EmbeddedWorkshop) -> None:
    ledger, redriver, letter = await _with_a_letter(workshop)
    ledger.trouble = failing(("a", 1), error=lambda: NotFound("there is no conversation"))

    assert await redriver.redrive(letter.id, "staff:1") == "NotFound: there is no conversation"


async def test_a_redrive_leaves_the_order_of_the_key_alone(workshop: EmbeddedWorkshop) -> None:
    ledger, redriver, letter = await _with_a_letter(workshop)
    ledger.trouble = failing(("a", 3))
    await workshop.state(("a", 3), ("a", 4))
    await workshop.consumers["ledger"].work(["a"])

    assert await redriver.redrive(letter.id, "staff:1") is None

    assert await workshop.written() == {"a": [2, 1]}
    assert await workshop.held() == ["a"]
    ledger.trouble = lambda key, number: None
    workshop.clock.move(timedelta(seconds=1))
    await workshop.upkeeps["ledger"].retry_held()
    assert await workshop.written() == {"a": [2, 1, 3, 4]}


async def test_a_discarded_letter_is_not_redriven(workshop: EmbeddedWorkshop) -> None:
    ledger, redriver, letter = await _with_a_letter(workshop)
    ledger.trouble = lambda key, number: None
    await workshop.store.transact(
        lambda unit: interventions.discard(unit.begin(Origin("", "discard", "staff:1")), letter.id),
        name="discard",
    )

    assert await redriver.redrive(letter.id, "staff:1") is None

    assert await workshop.written() == {"a": [2]}
    assert [one.state for one in await workshop.letters()] == ["discarded"]


@pytest.mark.parametrize(("fault", "expected"), [("before", {"a": [2]}), ("after", {"a": [2, 1]})])
async def test_an_absent_database_is_no_attempt(workshop: EmbeddedWorkshop, fault: Any, expected: Any) -> None:
    ledger, redriver, letter = await _with_a_letter(workshop)
    ledger.trouble = lambda key, number: None
    faults = iter([None, None, fault])
    workshop.store.fault = lambda: next(faults, None)

    with pytest.raises(StoreUnavailable):
        await redriver.redrive(letter.id, "staff:1")
    assert await workshop.written() == expected
    assert len((await workshop.letters())[0].attempts) == 1

    assert await redriver.redrive(letter.id, "staff:1") is None
    assert await workshop.written() == {"a": [2, 1]}


async def test_rules_that_change_meanwhile_make_it_prepare_again(workshop: EmbeddedWorkshop) -> None:
    loop = asyncio.get_running_loop()
    armed = [False]

    def prepare(_event: Any, ports: Any) -> int:
        if armed.pop() if armed else False:
            change = workshop.store.transact(newer_folios, name="test.policy")
            asyncio.run_coroutine_threadsafe(change, loop).result(5)
        return int(ports.policies.version)

    ledger, redriver, letter = await _with_a_letter(workshop, prepare=prepare)
    ledger.trouble = lambda key, number: None
    ledger.made.clear()
    armed[:] = [True]

    assert await redriver.redrive(letter.id, "staff:1") is None

    assert await workshop.written() == {"a": [2, 1]}
    assert ledger.made
    assert all(made == inside for made, inside in ledger.made)


async def test_what_cannot_be_redriven_is_said(workshop: EmbeddedWorkshop) -> None:
    _, redriver, letter = await _with_a_letter(workshop)

    with pytest.raises(NotFound, match="dd_gone"):
        await redriver.redrive("dd_gone", "staff:1")
    with pytest.raises(NotFound, match="no handler has the group ledger"):
        await Redriver(workshop.store, {}, {}).redrive(letter.id, "staff:1")
