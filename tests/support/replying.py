"""Conversations with replies asked for, without anything having come in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final

from hub.contracts import Alias, Outcome, Party
from hub.pipeline.effects import settle
from hub.ports import Store
from hub.services import replies
from hub.services.contacts import People
from hub.services.conversations import Heard, Threads
from hub.settings import Waits
from hub.store import effects
from hub.store.transaction import Origin, UnitOfWork
from tests.support.webhooks import NUMBER

DEADLINE_SECONDS: Final = 20


async def open_conversation(
    store: Store,
    who: str = "ana",
    *,
    connector: str = "whatsapp",
    asset: str = NUMBER,
    opened_at: datetime | None = None,
) -> str:
    """Return the id of a conversation with somebody, who wrote at ``opened_at``; its channel is the connector's."""

    def write(unit: UnitOfWork) -> str:
        tx = unit.begin(Origin(f"{who}/{connector}/{asset}", "tests", "hub"))
        people, threads = People(), Threads()
        party = Party((Alias("phone", f"{who}/{connector}/{asset}"),), {"to": who})
        people.look_up(tx, [party])
        threads.look_up(tx, people.contacts())
        contact, _ = people.resolve(tx, party)
        conversation, _ = threads.find_or_open(
            tx,
            contact=contact,
            channel="facebook" if connector == "facebook" else "whatsapp",
            connector=connector,
            asset=asset,
            reply_to={"to": "5212221234567"},
            # However far a test moves its clock, the window stays open unless the test is about windows.
            heard=Heard(opened_at or tx.now + timedelta(days=365)),
        )
        people.save(tx)
        threads.save(tx)
        return conversation

    return await store.transact(write, name="tests.conversation")


async def ask(
    store: Store,
    conversation: str,
    *words: str,
    cause: str = "asked",
    useful_for: timedelta = timedelta(days=3),
    intent: str = "test",
    **given: Any,
) -> list[str]:
    """Ask for replies in one transaction; return their ids."""

    def write(unit: UnitOfWork) -> list[str]:
        tx = unit.begin(Origin(f"{cause}/{conversation}/{words}", "tests", "hub"))
        about = {"intent": intent, "useful_for": useful_for, **given}
        return [replies.request(tx, conversation, word, **about) for word in words]

    return await store.transact(write, name="tests.ask")


async def attempt(store: Store, effect_id: str, *outcomes: Outcome, waits: Waits | None = None) -> None:
    """Let attempts at an effect begin; each ends as given, one without an outcome stays under way."""

    def begin(unit: UnitOfWork) -> Any:
        row = effects.get(unit.begin(settle.LONE_ORIGIN), effect_id)
        assert row is not None
        (claimed,) = settle.claim(unit, [row])
        return claimed

    claimed = await store.transact(begin, name="tests.claim")
    for outcome in outcomes:
        await store.transact(settle.outcomes([(claimed, outcome)], waits or Waits()), name="tests.outcome")


async def effect(store: Store, effect_id: str) -> Any:
    """Return an effect as it is."""
    found = await store.read(lambda tx: effects.get(tx, effect_id))
    assert found is not None
    return found


async def until(condition: Callable[[], Awaitable[bool] | bool], what: str) -> None:
    """Wait until something is so."""
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while True:
                found = condition()
                if found if isinstance(found, bool) else await found:
                    return
                await asyncio.sleep(0.002)
    except TimeoutError:
        msg = f"it never came to be that {what}"
        raise AssertionError(msg) from None
