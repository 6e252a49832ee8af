"""What is redriven is counted where it now belongs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from hub.contracts import Item, RawDelivery, RefusedItem
from hub.errors import Unreadable
from hub.pipeline.redrive import Redriver
from hub.services import dead_letters
from tests.pipeline.ingest.rig import Rig
from tests.support.webhooks import of_messages, text


async def redrive(rig: Rig) -> list[str | None]:
    """Redrive every open letter; return why each failed again."""
    redriver = Redriver(rig.store, rig.connectors, {})
    letters = await rig.read(dead_letters.listing)
    return [await redriver.redrive(letter.id, "staff:ana") for letter in letters]


async def test_a_stale_item_is_published_by_its_redrive_once(rig: Rig) -> None:
    body = of_messages(text("wamid.old", at=rig.clock.now() - timedelta(days=20)), text("wamid.new"))
    await rig.take(body)

    assert await redrive(rig) == [None]
    assert await redrive(rig) == []
    await rig.take(body)

    assert await rig.sums() == {"deliveries": 2, "items": 4, "published": 2, "duplicate": 2}
    assert len(await rig.events("message.received")) == 2


async def test_an_item_that_is_still_unreadable_stays_where_it_is(rig: Rig) -> None:
    await rig.take(of_messages({"from": "5212221234567", "type": "text"}, text("wamid.1")))

    (why,) = await redrive(rig)

    assert why is not None
    assert await rig.sums() == {"deliveries": 1, "items": 2, "published": 1, "quarantined": 1}
    assert await rig.count("dead_letters", "state = 'open'") == 1


async def test_a_refused_delivery_is_counted_when_it_can_be_read(rig: Rig) -> None:
    fixed: list[Sequence[Item]] = []

    def normalize(delivery: RawDelivery) -> Sequence[Item]:
        if not fixed:
            msg = "not yet"
            raise Unreadable(msg)
        return fixed[0]

    rig.scripted(normalize)
    await rig.deliver(b"{}", connector="scripted")
    await rig.ingest()
    assert await rig.sums("scripted") == {"deliveries": 1}
    from connectors.whatsapp.normalize import normalize as whatsapp

    body = of_messages(text("wamid.1"), text("wamid.2"))
    readable = whatsapp(RawDelivery("dl_x", "scripted", "main", rig.clock.now(), "POST", "/", {}, body))
    fixed.append([readable[0], RefusedItem("half of it is broken"), readable[1]])

    assert await redrive(rig) == [None]

    assert await rig.sums("scripted") == {"deliveries": 1, "items": 3, "published": 2, "quarantined": 1}
    assert await rig.count("deliveries", "state = 'ingested'") == 1
    letters = await rig.rows("SELECT scope, state FROM dead_letters ORDER BY position")
    assert [tuple(row) for row in letters] == [("delivery", "redriven"), ("item", "open")]


async def test_an_item_that_newer_code_no_longer_finds_stays_a_letter(rig: Rig) -> None:
    items: list[Item] = [RefusedItem("one"), RefusedItem("two")]
    rig.scripted(lambda _: list(items))
    await rig.deliver(b"{}", connector="scripted")
    await rig.ingest()
    items.clear()

    whys = await redrive(rig)

    assert len([why for why in whys if why]) == 2
    assert await rig.sums("scripted") == {"deliveries": 1, "items": 2, "quarantined": 2}
