"""Whoever opted out gets nothing that we start, on any channel; answers go on (R-C12, CO-09)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from hub.services import contacts, replies
from hub.store import effects
from hub.store.transaction import Transaction
from tests.services.conftest import Desk
from tests.services.test_windows import FILLED, approve, conversation
from tests.support.replying import open_conversation

DAY = timedelta(days=1)


async def person(desk: Desk) -> str:
    """Return whom the desk's conversation is with."""
    found = await desk.store.read(lambda tx: contacts.of_conversation(tx, desk.conversation))
    assert found is not None
    return found


async def prefers(desk: Desk, contact: str, category: str, *, allowed: bool) -> None:
    def change(tx: Transaction) -> None:
        contacts.prefer(tx, contact, category, allowed=allowed, at=desk.clock.now(), event_id=f"ev_{category}{allowed}")

    await desk.do(change, cause=f"prefer {category} {allowed}")


async def ask(desk: Desk, where: str, cause: str, **given: Any) -> tuple[str, str | None]:
    """Ask for a reply; return its state with its code."""
    about: dict[str, Any] = {"intent": "survey", "useful_for": DAY, **given}
    id_ = await desk.do(lambda tx: replies.request(tx, where, "¿Qué tal?", **about), cause=cause)
    row = await desk.store.read(lambda tx: effects.get(tx, id_))
    assert row is not None
    return row.state, row.code


@pytest.mark.feature("CO-09")
@pytest.mark.parametrize("category", ["started_by_us", "marketing_messages"])
async def test_what_we_start_is_stopped_answers_are_not(desk: Desk, category: str) -> None:
    await prefers(desk, await person(desk), category, allowed=False)

    assert await ask(desk, desk.conversation, "one", started=True) == ("failed", "opted_out")
    assert await ask(desk, desk.conversation, "two") == ("intent", None)
    (event,) = await desk.events("reply.failed")
    assert "ALTA" in event.data.explanation_es


@pytest.mark.feature("CO-09")
async def test_who_opts_in_again_gets_it_again(desk: Desk) -> None:
    contact = await person(desk)
    await prefers(desk, contact, "started_by_us", allowed=False)
    desk.clock.move(timedelta(minutes=1))
    await prefers(desk, contact, "started_by_us", allowed=True)

    assert await ask(desk, desk.conversation, "one", started=True) == ("intent", None)


@pytest.mark.feature("CO-09")
async def test_the_list_is_of_people_whatever_channel_they_are_on(desk: Desk) -> None:
    other = await open_conversation(desk.store, "ana", connector="facebook")
    on_facebook = await desk.store.read(lambda tx: contacts.of_conversation(tx, other))
    assert on_facebook is not None
    await prefers(desk, await person(desk), "started_by_us", allowed=False)
    assert await ask(desk, other, "before", started=True) == ("intent", None)

    one = await person(desk)
    await desk.do(lambda tx: contacts.merge(tx, one, on_facebook), cause="merge")

    assert await ask(desk, other, "after", started=True) == ("failed", "opted_out")


@pytest.mark.feature("CO-09")
async def test_no_template_goes_to_who_opted_out(desk: Desk) -> None:
    await approve(desk)
    where = await conversation(desk, hours_ago=25)
    luis = await desk.store.read(lambda tx: contacts.of_conversation(tx, where))
    assert luis is not None
    await prefers(desk, luis, "started_by_us", allowed=False)

    assert await ask(desk, where, "one", variables=FILLED) == ("failed", "opted_out")
