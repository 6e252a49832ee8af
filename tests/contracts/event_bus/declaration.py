"""A handler is one declaration; everything else comes with it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from hub.contracts import Handler, Ports
from hub.store.tables import audit
from hub.store.transaction import Transaction
from schemas.envelope import CloudEvent
from schemas.operations import PolicyChanged
from tests.contracts.event_bus.workshop import Workshop


class Declaration:
    """What its author gets without a word about it."""

    @pytest.mark.feature("DX-01")
    async def test_retry_idempotency_order_and_dead_letters_come_with_a_declaration(self, workshop: Workshop) -> None:
        stumbles = {("a", 2): 1, ("b", 1): 100}

        def react(event: CloudEvent[PolicyChanged], tx: Transaction, _ports: Ports) -> None:
            key, number = event.partitionkey, event.data.version
            tx.run(insert(audit), at=tx.now, actor="x", action="declared", object=key, detail={"number": number})
            if stumbles.get((key, number)):
                msg = "stumbled"
                raise ValueError(msg)

        await workshop.open(Handler(group="declared", types=(PolicyChanged,), handle=react, owner="support"))
        consumer, upkeep = workshop.consumers["declared"], workshop.upkeeps["declared"]

        await workshop.state(*((key, number) for number in (1, 2, 3) for key in "abc"))
        await workshop.quiet()
        first = await workshop.written("declared")
        stumbles.pop(("a", 2))
        for pause in (1, 10, 60, 300, 1800):
            workshop.clock.move(timedelta(seconds=pause))
            await upkeep.retry_held()
        await asyncio.gather(*(consumer.work(["a", "b", "c"]) for _ in range(10)))

        assert first == {"a": [1], "c": [1, 2, 3]}
        assert await workshop.written("declared") == {"a": [1, 2, 3], "b": [2, 3], "c": [1, 2, 3]}
        (letter,) = await workshop.letters()
        told: Any = (letter.group, letter.key, letter.owner, len(letter.attempts))
        assert told == ("declared", "b", "support", 6)
