"""Events of a key are handled in order, each once, whatever happens on the way."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from hub import killpoints
from hub.contracts import Ports
from hub.errors import StoreUnavailable
from hub.settings import Waits
from hub.store.transaction import Transaction
from schemas.envelope import CloudEvent
from tests.contracts.event_bus.ledger import Ledger, asked, failing
from tests.contracts.event_bus.workshop import Workshop, eventually, numbered

KEYS = [f"key-{number}" for number in range(12)]


class Killed(BaseException):
    """Ends whatever runs, as a kill would."""


class Order:
    """Order, no loss, nothing twice."""

    async def test_keys_are_handled_in_order(self, workshop: Workshop) -> None:
        await workshop.open(Ledger().handler)

        for number in range(1, 21):
            await workshop.state(*((key, number) for key in KEYS))
        await workshop.quiet()

        assert await workshop.written() == {key: list(range(1, 21)) for key in KEYS}

    async def test_what_was_stated_while_the_hub_was_down_is_handled_at_start(self, workshop: Workshop) -> None:
        await workshop.open(Ledger().handler, bus=False)
        await workshop.state(*numbered(KEYS, 30))
        await workshop.close()

        await workshop.open(Ledger().handler)
        await workshop.quiet()

        assert await workshop.written() == {key: list(range(1, 31)) for key in KEYS}

    async def test_each_group_gets_its_own_types_alone(self, workshop: Workshop) -> None:
        await workshop.open(Ledger().handler, Ledger("second").handler)

        await workshop.state(*numbered(KEYS, 3))
        await workshop.quiet()

        everything = {key: [1, 2, 3] for key in KEYS}
        assert await workshop.written() == everything
        assert await workshop.written("second") == everything

    async def test_a_group_hears_of_what_another_group_states(self, workshop: Workshop) -> None:
        def hand_on(event: CloudEvent[Any], tx: Transaction, _ports: Ports) -> None:
            if event.data.version < 5:
                tx.state(asked(event.data.version + 1), key=event.partitionkey)

        first = Ledger("first")
        handler = first.handler
        object.__setattr__(handler, "handle", hand_on)
        await workshop.open(handler, Ledger().handler)

        await workshop.state(("a", 1))
        await eventually(self._all_five(workshop), "the chain ends")

        assert await workshop.written() == {"a": [1, 2, 3, 4, 5]}

    @staticmethod
    def _all_five(workshop: Workshop) -> Any:
        async def look() -> bool:
            return len((await workshop.written()).get("a", [])) == 5

        return look

    async def test_a_slow_handler_delays_yet_loses_nothing(self, workshop: Workshop) -> None:
        ledger = Ledger(trouble=lambda key, number: time.sleep(0.005))
        await workshop.open(ledger.handler)

        await workshop.state(*numbered(KEYS[:4], 10))
        await workshop.quiet()

        assert await workshop.written() == {key: list(range(1, 11)) for key in KEYS[:4]}

    async def test_a_key_that_never_falls_silent_does_not_keep_the_others_waiting(self, workshop: Workshop) -> None:
        def feed_itself(event: CloudEvent[Any], tx: Transaction, ports: Ports) -> None:
            ledger._handle(event, tx, ports)
            if event.partitionkey == "busy" and event.data.version < 100:
                tx.state(asked(event.data.version + 1), key="busy")

        ledger = Ledger()
        handler = ledger.handler
        object.__setattr__(handler, "handle", feed_itself)
        await workshop.open(handler, bus=False)
        await workshop.state(("busy", 1), *((f"other-{number}", 1) for number in range(200)))
        await workshop.close()

        await workshop.open(handler)
        await workshop.quiet()

        order = await workshop.writing_order()
        before_the_last_other = order[: max(order.index((f"other-{number}", 1)) for number in range(200))]
        assert sum(key == "busy" for key, _ in before_the_last_other) < 10

    async def test_ten_redeliveries_at_once_are_handled_once(self, workshop: Workshop) -> None:
        await workshop.open(Ledger().handler, bus=False)
        await workshop.state(*numbered(KEYS, 5))

        consumer = workshop.consumers["ledger"]
        await asyncio.gather(*(consumer.work(KEYS) for _ in range(10)))

        assert await workshop.written() == {key: [1, 2, 3, 4, 5] for key in KEYS}

    @pytest.mark.parametrize("fault", ["before", "after"])
    async def test_an_absent_database_delays_yet_counts_as_nobodys_failure(
        self, workshop: Workshop, fault: Any
    ) -> None:
        await workshop.open(Ledger().handler)
        workshop.store.fault = lambda: fault
        await workshop.state(*numbered(KEYS, 3))
        await asyncio.sleep(0.05)

        workshop.store.fault = lambda: None
        await workshop.quiet()

        assert await workshop.written() == {key: [1, 2, 3] for key in KEYS}
        assert await workshop.held() == []
        assert await workshop.letters() == []

    @pytest.mark.parametrize("seed", range(6))
    async def test_order_holds_through_delays_failures_outages_sweeps_and_crashes(
        self, workshop: Workshop, seed: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        chaos = Chaos(workshop, random.Random(seed), monkeypatch)

        for _ in range(12):
            await chaos.live_a_life()
        await chaos.come_to_rest()

        assert all(chaos.happened[what] for what in ("crash", "failure", "outage", "lost answer", "deaf")), (
            chaos.happened
        )
        assert await workshop.written() == {key: list(range(1, count + 1)) for key, count in chaos.said.items()}
        assert await workshop.letters() == []

    async def test_a_failed_batch_is_taken_apart_without_doing_anything_twice(self, workshop: Workshop) -> None:
        ledger = Ledger(trouble=failing(("key-3", 2)))
        await workshop.open(ledger.handler, bus=False)
        await workshop.state(*numbered(KEYS[:6], 3))

        await workshop.consumers["ledger"].work(KEYS)

        expected = {key: [1, 2, 3] for key in KEYS[:6]} | {"key-3": [1]}
        assert await workshop.written() == expected


class Chaos:
    """Makes everything go wrong that may, repeatable by its seed."""

    def __init__(self, workshop: Workshop, chance: random.Random, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take over a workshop."""
        self.workshop = workshop
        self.chance = chance
        self.said = dict.fromkeys(KEYS, 0)
        self.crashed = asyncio.Event()
        self.happened: Counter[str] = Counter()
        self._left = 0
        workshop.waits = Waits(event_retry_seconds=(1,) * 50, sweep_age_seconds=5)
        monkeypatch.setattr(killpoints, "reached", self._reached)
        self._loop = asyncio.get_running_loop()

    async def live_a_life(self) -> None:
        """Run the groups until they are stopped or crash."""
        self.crashed.clear()
        self._left = self.chance.choice([3, 10, 25, 60, 10_000])
        await self.workshop.open(Ledger(trouble=self._trouble).handler)
        self.workshop.store.fault = self._fault
        try:
            for _ in range(self.chance.randint(5, 15)):
                await self._something_happens()
                if self.crashed.is_set():
                    break
        except Killed:
            self.crashed.set()
        end = self.workshop.kill if self.crashed.is_set() or self.chance.random() < 0.5 else self.workshop.close
        self._left = 10_000
        await end()

    async def come_to_rest(self) -> None:
        """Let everything heal, then do what is left."""
        self._left = 10_000
        await self.workshop.open(Ledger().handler)
        upkeep = self.workshop.upkeeps["ledger"]
        await self.workshop.quiet()
        self.workshop.clock.move(timedelta(seconds=10))
        await upkeep.look_at_pause()
        await upkeep.retry_held()
        await upkeep.sweep()
        await self.workshop.quiet()

    async def _something_happens(self) -> None:
        upkeep, chance = self.workshop.upkeeps["ledger"], self.chance
        self.workshop.store.deaf = chance.random() < 0.2
        self.happened["deaf"] += self.workshop.store.deaf
        some = []
        for key in chance.choices(KEYS, k=chance.randint(1, 12)):
            self.said[key] += 1
            some.append((key, self.said[key]))
        await self.workshop.state(*some)
        await asyncio.sleep(chance.choice([0, 0, 0.001, 0.004]))
        what = chance.choice([None, None, upkeep.retry_held, upkeep.sweep, self._time_passes])
        if what is not None:
            with contextlib.suppress(StoreUnavailable):
                await what()

    async def _time_passes(self) -> None:
        self.workshop.clock.move(timedelta(seconds=10))

    def _fault(self) -> Any:
        fault: Any = self.chance.choices([None, "before", "after"], [90, 5, 5])[0]
        self.happened["lost answer" if fault == "after" else "outage"] += fault is not None
        return fault

    def _trouble(self, _key: str, _number: int) -> None:
        luck = self.chance.random()
        if luck < 0.03:
            time.sleep(0.001)
        if luck > 0.985:
            self.happened["failure"] += 1
            msg = "bad luck"
            raise ValueError(msg)

    def _reached(self, point: str) -> None:
        if not point.startswith("consumer."):
            return
        self._left -= 1
        if self._left == 0:
            self.happened["crash"] += 1
            self._loop.call_soon_threadsafe(self.crashed.set)
            raise Killed(point)
