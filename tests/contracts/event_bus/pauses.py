"""Mass failure stops a group instead of filling the dead letters."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from hub.errors import Permanent
from hub.services import interventions
from hub.store.transaction import Origin
from hub.telemetry import metrics
from tests.contracts.event_bus.ledger import Ledger, failing
from tests.contracts.event_bus.workshop import Workshop, eventually

KEYS = [f"key-{number:02}" for number in range(20)]


def _all_fail(_key: str, _number: int) -> None:
    msg = "the disk of ideas is full"
    raise ValueError(msg)


def _all_fail_for_good(_key: str, _number: int) -> None:
    msg = "never again"
    raise Permanent(msg)


def _gauge() -> Any:
    return metrics.registry.get_sample_value("hub_group_paused", {"group": "ledger"})


async def _until_paused(workshop: Workshop, trouble: Any = _all_fail) -> Ledger:
    ledger = Ledger(trouble=trouble)
    await workshop.open(ledger.handler)
    await workshop.state(*((key, 1) for key in KEYS))
    await workshop.quiet()
    return ledger


class Pauses:
    """The pause, its persistence, the ways back."""

    @pytest.mark.feature("OP-11")
    @pytest.mark.parametrize("trouble", [_all_fail, _all_fail_for_good], ids=["failing", "permanent"])
    async def test_when_most_keys_fail_the_group_stops_with_an_alarm(self, workshop: Workshop, trouble: Any) -> None:
        with capture_logs() as logs:
            ledger = await _until_paused(workshop, trouble)

            async def alarmed() -> bool:
                return [entry["group"] for entry in logs if entry["log_level"] == "error"] == ["ledger"]

            await eventually(alarmed, "the alarm is raised once")

        row = await workshop.group()
        assert row.state == "paused"
        assert row.probe_at == workshop.clock.now() + timedelta(seconds=30)
        assert "most of the keys tried last failed" in row.reason
        assert _gauge() == 1
        assert len(await workshop.letters()) + len(await workshop.held()) == 10
        tried = {key for key, _ in ledger.tries}
        assert len(tried) <= 20
        ledger.tries.clear()
        await workshop.state(("late", 1))
        await workshop.upkeeps["ledger"].look_at_pause()
        assert ledger.tries == [], "a paused group tries nothing before its probe is due"

    @pytest.mark.feature("OP-11")
    async def test_half_of_the_keys_failing_is_not_most_of_them(self, workshop: Workshop) -> None:
        await workshop.open(Ledger(trouble=failing(*((key, 1) for key in KEYS[:10]))).handler)

        await workshop.state(*((key, 1) for key in KEYS))
        await workshop.quiet()

        assert (await workshop.group()).state == "active"
        assert sorted(await workshop.held()) == KEYS[:10]
        assert sorted(await workshop.written()) == KEYS[10:]

    async def test_one_key_failing_again_and_again_stops_nobody(self, workshop: Workshop) -> None:
        await workshop.open(
            Ledger(trouble=failing(*(("bad", n) for n in range(50)), error=lambda: Permanent("x"))).handler
        )

        await workshop.state(*(("bad", number) for number in range(50)))
        await workshop.quiet()

        assert (await workshop.group()).state == "active"
        assert len(await workshop.letters()) == 50

    @pytest.mark.feature("OP-11")
    async def test_a_pause_outlives_a_restart(self, workshop: Workshop) -> None:
        await _until_paused(workshop)
        await workshop.kill()

        ledger = Ledger()
        await workshop.open(ledger.handler)
        await workshop.state(("late", 1))
        await workshop.quiet()
        await workshop.upkeeps["ledger"].take_first_batch_carefully()

        assert workshop.consumers["ledger"].paused
        assert ledger.tries == []

    @pytest.mark.feature("OP-11")
    async def test_probes_come_ever_later_until_one_succeeds(self, workshop: Workshop) -> None:
        ledger = await _until_paused(workshop)
        upkeep = workshop.upkeeps["ledger"]
        letters = len(await workshop.letters())
        ledger.tries.clear()

        for seconds in (30, 60, 120, 240, 480, 900, 900):
            workshop.clock.move(timedelta(seconds=seconds) - timedelta(microseconds=1))
            await upkeep.look_at_pause()
            assert ledger.tries == [], f"the probe came before {seconds} s"
            workshop.clock.move(timedelta(microseconds=1))
            await upkeep.look_at_pause()
            assert len(set(ledger.tries)) == 1, "a probe is one event"
            ledger.tries.clear()

        assert len(await workshop.letters()) == letters, "a failed probe counts as no attempt"
        ledger.trouble = lambda key, number: None
        workshop.clock.move(timedelta(seconds=900))
        await workshop.hold_all_until(workshop.clock.now() + timedelta(hours=1))
        await upkeep.look_at_pause()
        await upkeep.retry_held()
        await workshop.quiet()
        assert (await workshop.group()).state == "active"
        assert _gauge() == 0
        assert await workshop.written() == {key: [1] for key in KEYS}
        assert await workshop.held() == []

    @pytest.mark.feature("OP-11")
    async def test_a_person_lets_the_group_go_on_at_once(self, workshop: Workshop) -> None:
        ledger = await _until_paused(workshop)
        await workshop.state(("key-00", 2), ("late", 1))
        ledger.trouble = lambda key, number: None

        await workshop.store.transact(
            lambda unit: interventions.resume(unit.begin(Origin("", "resume", "staff:1")), "ledger"), name="resume"
        )
        await workshop.upkeeps["ledger"].look_at_pause()
        await workshop.upkeeps["ledger"].retry_held()
        await workshop.quiet()

        assert await workshop.written() == {key: [1] for key in KEYS} | {"key-00": [1, 2], "late": [1]}

    async def test_a_probe_tries_what_is_held_in_earnest(self, workshop: Workshop) -> None:
        """Passing over a hold would look like success, so that a broken group went on by itself."""
        await _until_paused(workshop)
        workshop.clock.move(timedelta(seconds=30))
        hold = workshop.clock.now() + timedelta(hours=1)
        await workshop.hold_all_until(hold)

        await workshop.upkeeps["ledger"].look_at_pause()

        assert (await workshop.group()).state == "paused"

    async def test_one_event_that_never_works_does_not_keep_the_group_paused(self, workshop: Workshop) -> None:
        ledger = await _until_paused(workshop)
        ledger.trouble = failing(("key-00", 1))
        upkeep = workshop.upkeeps["ledger"]

        for seconds in (30, 60):
            workshop.clock.move(timedelta(seconds=seconds))
            await upkeep.look_at_pause()
        await upkeep.retry_held()
        await workshop.quiet()

        assert (await workshop.group()).state == "active"
        assert await workshop.written() == {key: [1] for key in KEYS[1:]}
        assert await workshop.held() == ["key-00"]

    async def test_a_group_that_fails_again_pauses_again(self, workshop: Workshop) -> None:
        ledger = await _until_paused(workshop)
        await workshop.store.transact(
            lambda unit: interventions.resume(unit.begin(Origin("", "resume", "staff:1")), "ledger"), name="resume"
        )

        await workshop.upkeeps["ledger"].look_at_pause()
        await workshop.upkeeps["ledger"].retry_held()

        assert (await workshop.group()).state == "paused"
        assert {key for key, _ in ledger.tries} <= set(KEYS)
        assert await workshop.letters() == []

    @pytest.mark.parametrize("fault", ["before", "after"])
    async def test_a_pause_that_the_database_did_not_confirm_heals(self, workshop: Workshop, fault: Any) -> None:
        ledger = Ledger(trouble=_all_fail)
        await workshop.open(ledger.handler, bus=False)
        consumer, upkeep = workshop.consumers["ledger"], workshop.upkeeps["ledger"]
        real = workshop.store.transact

        async def lose_the_pause(fn: Any, *, name: str) -> Any:
            workshop.store.fault = lambda: fault if name == "ledger.pause" else None
            return await real(fn, name=name)

        workshop.store.transact = lose_the_pause  # type: ignore[method-assign]
        await workshop.state(*((key, 1) for key in KEYS))
        with pytest.raises(Exception, match="the test took"):
            await consumer.work(KEYS)
        workshop.store.transact, workshop.store.fault = real, lambda: None  # type: ignore[method-assign]
        assert bool(consumer.paused), "only a look at the pause can tell what became of it"

        ledger.trouble = lambda key, number: None
        workshop.clock.move(timedelta(seconds=30))
        await upkeep.look_at_pause()
        await upkeep.retry_held()

        assert (await workshop.group()).state == "active"
        assert not consumer.paused
        assert await workshop.written() == {key: [1] for key in KEYS}
