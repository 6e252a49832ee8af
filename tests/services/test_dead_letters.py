"""What was given up on stands where a person sees it, once, with its next step."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from hub.errors import NotFound, StaleVersion
from hub.services import dead_letters
from hub.services.dead_letters import NEXT_STEPS_ES, Letter
from schemas.operations import ReasonClass
from tests.services.conftest import Desk

LETTER = Letter(
    scope="event",
    group="open-tickets",
    item="ev_1",
    key="cv_1",
    type="hub.case.diagnosed.v1",
    origin="hub.log position 7",
    reason_class="ours",
    reason="KeyError: 'x'",
    owner="support",
    attempts=[{"at": "2026-11-23T16:00:00Z", "error": "KeyError: 'x'"}],
)


async def test_a_letter_says_why_who_and_what_next(desk: Desk) -> None:
    assert await desk.do(lambda tx: dead_letters.add(tx, LETTER)) is True

    found = await desk.store.read(lambda tx: dead_letters.get(tx, LETTER.id))

    assert (found.state, found.owner, found.reason_class, found.attempts) == (
        "open",
        "support",
        "ours",
        LETTER.attempts,
    )
    assert found.next_step_es == NEXT_STEPS_ES["ours"]
    (event,) = await desk.events("dead_letter.added")
    assert (event.data.dead_letter_id, event.data.group, event.subject) == (LETTER.id, "open-tickets", "ev_1")


async def test_the_same_failure_is_one_letter_with_one_event(desk: Desk) -> None:
    await desk.do(lambda tx: dead_letters.add(tx, LETTER))

    assert await desk.do(lambda tx: dead_letters.add(tx, replace(LETTER, reason="again")), cause="ev_other") is False

    assert len(await desk.events("dead_letter.added")) == 1
    assert await desk.store.read(dead_letters.count_open) == 1


def test_what_makes_a_letter_the_same() -> None:
    others = [
        replace(LETTER, item="ev_2"),
        replace(LETTER, group="other"),
        replace(LETTER, scope="item"),
        replace(LETTER, item_index=1),
        replace(LETTER, identity="named"),
    ]

    assert len({LETTER.id, *(letter.id for letter in others)}) == 6
    assert replace(LETTER, reason="else", reason_class="poison").id == LETTER.id
    assert replace(LETTER, identity="named", item="ev_9").id == others[-1].id


def test_every_class_of_reason_has_its_next_step() -> None:
    assert set(NEXT_STEPS_ES) == set(get_args(ReasonClass))


async def test_a_settled_letter_is_not_settled_on_an_old_look(desk: Desk) -> None:
    await desk.do(lambda tx: dead_letters.add(tx, LETTER))
    seen = await desk.store.read(lambda tx: dead_letters.get(tx, LETTER.id))
    await desk.do(lambda tx: dead_letters.settle(tx, seen, "discarded"), actor="staff:ana")

    with pytest.raises(StaleVersion):
        await desk.do(lambda tx: dead_letters.settle(tx, seen, "redriven"))

    settled = await desk.store.read(lambda tx: dead_letters.get(tx, LETTER.id))
    assert (settled.state, settled.settled_by, settled.settled_at) == ("discarded", "staff:ana", desk.clock.now())
    assert await desk.store.read(dead_letters.count_open) == 0


async def test_a_failed_redrive_is_added_to_the_history(desk: Desk) -> None:
    await desk.do(lambda tx: dead_letters.add(tx, LETTER))
    seen = await desk.store.read(lambda tx: dead_letters.get(tx, LETTER.id))

    await desk.do(lambda tx: dead_letters.tried_again(tx, seen, "ValueError: y"))

    found = await desk.store.read(lambda tx: dead_letters.get(tx, LETTER.id))
    assert [entry["error"] for entry in found.attempts] == ["KeyError: 'x'", "ValueError: y"]
    assert (found.reason, found.state) == ("ValueError: y", "open")


async def test_a_letter_that_is_not_there_is_said_by_name(desk: Desk) -> None:
    with pytest.raises(NotFound, match="dd_nothing"):
        await desk.store.read(lambda tx: dead_letters.get(tx, "dd_nothing"))
