"""A failing event holds its own key, nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from hub.settings import Waits
from hub.store.train import RehearsalDiffered
from schemas.operations import ChannelAlerted
from tests.contracts.event_bus.ledger import Ledger, failing
from tests.contracts.event_bus.workshop import Workshop, eventually

LADDER = (1, 10, 60, 300, 1800)

ESCAPES: list[Callable[[], BaseException]] = [
    lambda: SystemExit(3),
    KeyboardInterrupt,
    GeneratorExit,
    asyncio.CancelledError,
    StopIteration,
    StopAsyncIteration,
    MemoryError,
    RecursionError,
    lambda: BaseException("everything"),
]


class Failures:
    """Holds, retries, what a handler may raise."""

    @pytest.mark.feature("OP-07")
    async def test_a_failing_event_holds_its_key_while_other_keys_go_on(self, workshop: Workshop) -> None:
        ledger = Ledger(trouble=failing(("held", 2)))
        await workshop.open(ledger.handler)

        await workshop.state(("held", 1), ("held", 2), ("held", 3), ("free", 1))
        await workshop.quiet()
        await workshop.state(("held", 4), ("free", 2), ("late", 1))
        await workshop.quiet()

        assert await workshop.written() == {"held": [1], "free": [1, 2], "late": [1]}
        assert await workshop.held() == ["held"]
        ledger.trouble = lambda key, number: None
        workshop.clock.move(timedelta(seconds=1))
        await workshop.upkeeps["ledger"].retry_held()
        assert (await workshop.written())["held"] == [1, 2, 3, 4]
        assert await workshop.held() == []

    async def test_the_pauses_between_attempts_grow_as_set(self, workshop: Workshop) -> None:
        ledger = Ledger(trouble=failing(("a", 1)))
        await workshop.open(ledger.handler)
        await workshop.state(("a", 1))
        await workshop.quiet()

        for pause in LADDER:
            tries = len(ledger.tries)
            workshop.clock.move(timedelta(seconds=pause) - timedelta(microseconds=1))
            await workshop.upkeeps["ledger"].retry_held()
            assert len(ledger.tries) == tries, "it was tried before its pause had ended"
            workshop.clock.move(timedelta(microseconds=1))
            await workshop.upkeeps["ledger"].retry_held()
            assert len(ledger.tries) > tries

        assert await workshop.held() == []
        assert len(await workshop.letters()) == 1

    async def test_a_notice_does_not_shorten_a_hold(self, workshop: Workshop) -> None:
        ledger = Ledger(trouble=failing(("a", 1)))
        await workshop.open(ledger.handler)
        await workshop.state(("a", 1))
        await workshop.quiet()
        tries = len(ledger.tries)

        await workshop.state(("a", 2))
        await workshop.upkeeps["ledger"].sweep()
        await workshop.consumers["ledger"].work(["a"])

        assert len(ledger.tries) == tries

    async def test_success_gives_the_key_its_attempts_back(self, workshop: Workshop) -> None:
        ledger = Ledger(trouble=failing(("a", 1)))
        await workshop.open(ledger.handler)
        await workshop.state(("a", 1), ("a", 2))
        await workshop.quiet()
        ledger.trouble = failing(("a", 2))
        workshop.clock.move(timedelta(seconds=1))

        await workshop.upkeeps["ledger"].retry_held()
        tries = len(ledger.tries)
        workshop.clock.move(timedelta(seconds=1))
        await workshop.upkeeps["ledger"].retry_held()

        assert await workshop.written() == {"a": [1]}
        assert len(ledger.tries) > tries, "the second event begins with the first pause, not with the next"

    async def test_a_hold_outlives_a_restart(self, workshop: Workshop) -> None:
        await workshop.open(Ledger(trouble=failing(("a", 1))).handler)
        await workshop.state(("a", 1), ("b", 1))
        await workshop.quiet()
        await workshop.kill()

        ledger = Ledger()
        await workshop.open(ledger.handler)
        await workshop.quiet()

        assert ledger.tries == []
        workshop.clock.move(timedelta(seconds=1))
        await workshop.upkeeps["ledger"].retry_held()
        assert await workshop.written() == {"a": [1], "b": [1]}

    async def test_holds_sweeps_and_probes_run_by_themselves(self, workshop: Workshop) -> None:
        workshop.waits = Waits(event_retry_seconds=(0.01, 0.01), sweep_interval_seconds=0.01, sweep_age_seconds=0)
        await workshop.open(Ledger(trouble=failing(("a", 1))).handler)
        await workshop.state(("a", 1), ("a", 2))
        workshop.store.deaf = True
        await workshop.state(("b", 1))

        upkeep = asyncio.create_task(workshop.upkeeps["ledger"].run())

        async def done() -> bool:
            workshop.clock.move(timedelta(seconds=0.01))
            return await workshop.written() == {"a": [2], "b": [1]}

        await eventually(done, "the failing event is given up, the missed one found")
        upkeep.cancel()
        await asyncio.gather(upkeep, return_exceptions=True)

    @pytest.mark.parametrize("escape", ESCAPES, ids=lambda escape: type(escape()).__name__)
    async def test_whatever_a_handler_raises_ends_its_event_alone(
        self, workshop: Workshop, escape: Callable[[], BaseException]
    ) -> None:
        ledger = Ledger(trouble=failing(("bad", 1), error=escape))
        await workshop.open(ledger.handler)

        await workshop.state(("bad", 1), ("good", 1))
        await workshop.quiet()
        await workshop.state(("good", 2))
        await workshop.quiet()

        assert await workshop.written() == {"good": [1, 2]}
        assert await workshop.held() == ["bad"]

    @pytest.mark.parametrize("escape", ESCAPES, ids=lambda escape: type(escape()).__name__)
    async def test_whatever_prepare_raises_ends_its_event_alone(
        self, workshop: Workshop, escape: Callable[[], BaseException]
    ) -> None:
        def prepare(event: object, _ports: object) -> str:
            if getattr(event, "partitionkey", "") == "bad":
                raise escape()
            return "made"

        await workshop.open(Ledger(prepare=prepare).handler)

        await workshop.state(("bad", 1), ("good", 1))
        await workshop.quiet()

        assert await workshop.written() == {"good": [1]}
        assert await workshop.held() == ["bad"]

    async def test_a_handler_that_states_what_does_not_follow_from_its_event_is_no_failing_event(
        self, workshop: Workshop
    ) -> None:
        ledger = Ledger()
        handler = ledger.handler
        numbers = iter(range(1000))

        def guess(event: object, tx: object, ports: object) -> None:
            alert = ChannelAlerted(connector="x", asset="x", alert=str(next(numbers)), explanation_es="")
            tx.state(alert, key="x")  # type: ignore[attr-defined]

        object.__setattr__(handler, "handle", guess)
        await workshop.open(handler)

        await workshop.state(("a", 1))

        with pytest.raises(RehearsalDiffered):
            await workshop.quiet()
        assert await workshop.held() == []
        assert await workshop.letters() == []
