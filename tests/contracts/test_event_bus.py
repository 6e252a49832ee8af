"""Every bus owes the same: the suite on the embedded bus on both engines, then on a real Kafka."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contracts.event_bus.dead_letters import DeadLetters
from tests.contracts.event_bus.declaration import Declaration
from tests.contracts.event_bus.embedded import EmbeddedWorkshop
from tests.contracts.event_bus.embedded_on_postgres import PostgresWorkshop
from tests.contracts.event_bus.failures import Failures
from tests.contracts.event_bus.membership import Membership
from tests.contracts.event_bus.order import Order
from tests.contracts.event_bus.pauses import Pauses
from tests.contracts.event_bus.preparing import Preparing
from tests.contracts.event_bus.recovery import Recovery
from tests.contracts.event_bus.workshop import Workshop
from tests.support.kafka import KafkaPlace
from tests.support.postgres import a_database


class EventBusContract(Declaration, Order, Failures, DeadLetters, Pauses, Membership, Preparing, Recovery):
    """Inherited by the tests of every bus, which provide the fixture ``workshop``."""


@pytest.mark.feature("DE-03", part="embedded")
class TestEmbeddedBus(EventBusContract):
    """The suite, in-process on SQLite."""

    @pytest.fixture
    async def workshop(self, tmp_path: Path) -> AsyncIterator[Workshop]:
        place = EmbeddedWorkshop(tmp_path)
        yield place
        await place.close()


@pytest.mark.postgres
class TestEmbeddedBusOnPostgres(EventBusContract):
    """The suite, in-process on PostgreSQL: the pipeline's own part of scale-out, without Kafka."""

    @pytest.fixture
    async def workshop(self) -> AsyncIterator[Workshop]:
        with a_database() as url:
            place = PostgresWorkshop(url)
            yield place
            await place.close()


@pytest.mark.feature("DE-03", part="kafka")
@pytest.mark.kafka
class TestKafkaBus(EventBusContract):
    """The suite, by way of a real broker."""

    @pytest.fixture
    async def workshop(self, tmp_path: Path, kafka: KafkaPlace) -> AsyncIterator[Workshop]:
        from tests.contracts.event_bus.kafka import KafkaWorkshop
        from tests.kafka.subscriber import EVERY

        await kafka.make(*EVERY)
        place = KafkaWorkshop(tmp_path, kafka)
        yield place
        await place.close()
