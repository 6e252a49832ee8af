"""A delivery that kills the process is found after three deaths, nothing else is taken for one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import pytest

from hub.contracts import Item, RawDelivery
from hub.errors import StoreUnavailable
from hub.store.transaction import UnitOfWork
from tests.pipeline.ingest.rig import Rig
from tests.support.unreliable_store import UnreliableStore, in_turn
from tests.support.webhooks import change, of_messages, text, webhook

T = TypeVar("T")


class Killed(BaseException):
    """The process died, as far as the hub can tell."""


def deadly(delivery: RawDelivery) -> Sequence[Item]:
    raise Killed


async def die(rig: Rig, *, careful: bool) -> None:
    with pytest.raises(Killed):
        await rig.ingest(rig.ingester(careful=careful))


async def test_the_killer_is_quarantined_and_its_neighbours_are_ingested(rig: Rig) -> None:
    rig.scripted(deadly)
    await rig.deliver(of_messages(text("wamid.1")))
    await rig.deliver(b"killer", connector="scripted")
    await rig.deliver(of_messages(text("wamid.2")))

    await die(rig, careful=False)
    for _ in range(3):
        await die(rig, careful=True)
    assert await rig.count("dead_letters") == 0
    await rig.ingest(rig.ingester(careful=True))

    ((reason_class, reason, scope),) = await rig.rows("SELECT reason_class, reason, scope FROM dead_letters")
    assert (reason_class, scope) == ("poison", "delivery")
    assert "three times" in reason
    assert [event.data.provider_message_id for event in await rig.events("message.received")] == ["wamid.1", "wamid.2"]
    assert await rig.count("suspects") == 0


async def test_a_killer_whose_connector_is_gone_meanwhile_is_quarantined_too(rig: Rig) -> None:
    rig.scripted(deadly)
    await rig.deliver(b"killer", connector="scripted")
    for _ in range(3):
        await die(rig, careful=True)
    del rig.connectors["scripted"]

    await rig.ingest(rig.ingester(careful=True))

    assert await rig.count("dead_letters", "reason_class = 'poison'") == 1


async def test_one_death_beside_a_delivery_is_forgotten_once_it_did_no_harm(rig: Rig) -> None:
    rig.scripted(deadly)
    await rig.deliver(of_messages(text("wamid.1")))
    await rig.deliver(b"killer", connector="scripted")
    await die(rig, careful=True)

    assert [tuple(row) for row in await rig.rows("SELECT crashes FROM suspects")] == [(1,)]
    assert len(await rig.events("message.received")) == 1


class MarksOnly(UnreliableStore):
    """Serves everything, but while it is away not the recording itself."""

    away = True

    async def transact(self, fn: Callable[[UnitOfWork], T], *, name: str) -> T:
        if name == "ingest" and self.away:
            msg = "the test took it away"
            raise StoreUnavailable(msg)
        return await self.reliable.transact(fn, name=name)


async def test_a_database_that_goes_away_is_no_death(rig: Rig) -> None:
    await rig.deliver(of_messages(text("wamid.1")))
    store = MarksOnly(rig.store)
    ingester = rig.ingester(store, careful=True)
    for _ in range(5):
        with pytest.raises(StoreUnavailable):
            await ingester.step()
        ingester._known = False
    store.away = False

    await rig.ingest(ingester)

    assert await rig.count("dead_letters") == 0
    assert len(await rig.events("message.received")) == 1
    assert await rig.count("suspects") == 0


async def test_a_careful_start_over_a_delivery_in_its_midst_goes_on_there(rig: Rig) -> None:
    await rig.deliver(webhook(*(change(messages=[text(f"wamid.{number}")]) for number in range(60))))
    store = UnreliableStore(rig.store)
    store.fault = in_turn(None, None, None, then="before")
    with pytest.raises(StoreUnavailable):
        await rig.ingester(store).step()

    await rig.ingest(rig.ingester(careful=True))

    assert await rig.sums() == {"deliveries": 1, "items": 60, "published": 60}
