"""What speaks of a message that never comes is shown to a person, while it goes on waiting."""

from __future__ import annotations

from datetime import timedelta

from hub.contracts import AmendmentItem, EchoItem, StatusItem
from hub.services import channels, waiting
from hub.store.tables import timers, waiting_items
from hub.store.transaction import Origin, UnitOfWork
from schemas.operations import ChannelAlerted
from tests.support.clock import MONDAY_MORNING
from tests.support.desk import ASSET, Desk

WEEK = timedelta(days=7)
Item = AmendmentItem | EchoItem | StatusItem


async def arrives(desk: Desk, name: str, item: Item) -> None:
    """Let an item come that speaks of a message nobody knows, as ingest records it."""

    def record(unit: UnitOfWork) -> None:
        about = {"connector": "whatsapp", "delivery_id": "dl_1", "item_index": 0}
        waiting.keep(unit, item, id=name, received_at=desk.clock.now(), **about)

    await desk.store.transact(record, name="test.waits")


def edit(target: str = "wamid.never") -> AmendmentItem:
    return AmendmentItem(ASSET, f"{target}/edit", MONDAY_MORNING, target, "edit", text="corregido")


async def alarms(desk: Desk) -> list[str]:
    return [row.explanation_es for row in await desk.store.read(channels.open_alerts)]


async def test_nothing_waits_for_ever_unseen(desk: Desk) -> None:
    await arrives(desk, "ev_1", edit())
    await arrives(desk, "ev_2", StatusItem(ASSET, "wamid.other", MONDAY_MORNING, "delivered"))
    hand = EchoItem(ASSET, "c_2", MONDAY_MORNING, None, "comment", "Gracias", quoted_provider_id="c_1")
    await arrives(desk, "ev_3", hand)

    await desk.time_comes(MONDAY_MORNING + WEEK - timedelta(seconds=1))
    assert await alarms(desk) == []
    await desk.time_comes(MONDAY_MORNING + WEEK)

    (alerted,) = await desk.stated(ChannelAlerted)
    (told,) = await alarms(desk)
    assert (alerted.data.connector, alerted.data.asset, alerted.data.alert) == ("whatsapp", ASSET, "waiting")
    for words in ("cambios o reacciones: 1", "estados de envíos: 1", "respuestas a mano: 1", "hub intake waiting"):
        assert words in told
    assert len(await desk.rows(waiting_items)) == 3


async def test_whoever_ended_the_alarm_hears_of_what_is_new_alone(desk: Desk) -> None:
    await arrives(desk, "ev_1", edit())
    desk.clock.move(timedelta(days=1))
    await arrives(desk, "ev_2", edit("wamid.later"))

    await desk.time_comes(MONDAY_MORNING + WEEK)

    def dismiss(unit: UnitOfWork) -> bool:
        return channels.dismiss(unit.begin(Origin("c", "tests", "staff:1")), "whatsapp", ASSET, "waiting")

    assert await desk.store.transact(dismiss, name="test.dismiss")
    await desk.time_comes(MONDAY_MORNING + WEEK + timedelta(hours=23))
    assert await alarms(desk) == []
    await desk.time_comes(MONDAY_MORNING + WEEK + timedelta(days=1))
    assert len(await alarms(desk)) == 1
    assert len(await desk.stated(ChannelAlerted)) == 2
    assert [row.state for row in await desk.rows(timers) if row.group == "watch-waiting"] == ["fired"]


async def test_what_found_its_message_in_time_is_nobodys_concern(desk: Desk) -> None:
    await arrives(desk, "ev_1", edit())

    def settle(unit: UnitOfWork) -> None:
        from hub.store import deliveries

        deliveries.stop_waiting(unit.begin(Origin("s", "tests", "hub")), "ev_1")

    await desk.store.transact(settle, name="test.settle")
    await desk.time_comes(MONDAY_MORNING + WEEK)

    assert await desk.stated(ChannelAlerted) == []
