"""Records that are lost, come again or come late: the database says what there is to do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from hub.store import publications
from hub.store.transaction import Origin
from schemas.topics import LOG
from tests.contracts.event_bus.kafka import KafkaWorkshop
from tests.contracts.event_bus.ledger import Ledger
from tests.contracts.event_bus.workshop import eventually, numbered
from tests.kafka.subscriber import EVERY
from tests.support.kafka import KafkaPlace

pytestmark = [pytest.mark.kafka, pytest.mark.feature("DE-03", part="kafka")]

KEYS = ["a", "b", "c"]


@pytest.fixture
async def workshop(tmp_path: Path, kafka: KafkaPlace) -> AsyncIterator[KafkaWorkshop]:
    await kafka.make(*EVERY)
    place = KafkaWorkshop(tmp_path, kafka)
    yield place
    await place.close()


async def test_records_that_come_again_or_late_do_nothing_twice(workshop: KafkaWorkshop, kafka: KafkaPlace) -> None:
    ledger = Ledger(answers=False)
    await workshop.open(ledger.handler)
    await workshop.state(*numbered(KEYS, 5))
    await workshop.quiet()
    tries = len(ledger.tries)
    producer = AIOKafkaProducer(bootstrap_servers=kafka.address)
    await producer.start()
    records = await kafka.everything(LOG.name)
    # The newest first, each twice: the first of them are of events long behind what is done.
    for record in [*reversed(records), *records]:
        await producer.send_and_wait(record.topic, key=record.key, headers=list(record.headers))
    await producer.stop()
    await workshop.state(*[(key, 6) for key in KEYS])
    await workshop.quiet()

    assert await workshop.written() == {key: [1, 2, 3, 4, 5, 6] for key in KEYS}
    # Each is tried twice: a rehearsal comes before.
    assert len(ledger.tries) == tries + 2 * len(KEYS)


async def test_records_that_are_lost_are_found_by_the_sweep(workshop: KafkaWorkshop) -> None:
    await workshop.open(Ledger(answers=False).handler)
    await workshop.state(*numbered(KEYS, 1))
    await workshop.quiet()
    # As after a broker that lost its tail: taken as sent, yet there is no record.
    workshop.store.deaf = True
    await workshop.state(*[(key, 2) for key in KEYS])
    rows = await workshop.store.read(lambda tx: publications.unpublished(tx, 100))
    assert len(rows) == len(KEYS), "nobody told the relay of them"
    positions = [row.position for row in rows]
    await workshop.store.transact(
        lambda unit: publications.mark(unit.begin(Origin("", "test", "test")), positions), name="test.mark"
    )
    workshop.store.deaf = False
    assert await workshop.written() == {key: [1] for key in KEYS}

    assert await workshop.upkeeps["ledger"].sweep() == len(KEYS)
    assert await workshop.written() == {key: [1, 2] for key in KEYS}

    # What is stated afterwards stands behind it in its key.
    await workshop.state(*[(key, 3) for key in KEYS])
    await workshop.quiet()
    assert await workshop.written() == {key: [1, 2, 3] for key in KEYS}


async def test_a_lost_record_is_made_up_for_by_the_next_of_its_key(workshop: KafkaWorkshop) -> None:
    await workshop.open(Ledger(answers=False).handler)
    workshop.store.deaf = True
    await workshop.state(("a", 1))
    (row,) = await workshop.store.read(lambda tx: publications.unpublished(tx, 100))
    await workshop.store.transact(
        lambda unit: publications.mark(unit.begin(Origin("", "test", "test")), [row.position]), name="test.mark"
    )
    workshop.store.deaf = False
    await workshop.state(("a", 2))

    async def both() -> bool:
        return await workshop.written() == {"a": [1, 2]}

    await eventually(both, "a notice of the second brings the first along")
