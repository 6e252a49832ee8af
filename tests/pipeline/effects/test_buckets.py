"""How fast an asset may speak, how fast to one person."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.contracts import AssetRoute
from hub.pipeline.effects import buckets
from hub.pipeline.effects.buckets import Pacing
from tests.pipeline.effects.rig import ScriptedSender
from tests.support.clock import FakeClock


def pacing(clock: FakeClock, *, per_second: float = 1000, every_seconds: float = 0.0, burst: int = 10) -> Pacing:
    route = AssetRoute("s", ScriptedSender(), "b", per_second, every_seconds, burst)
    return Pacing(route, clock)


@pytest.mark.feature("CO-03")
def test_an_asset_speaks_at_its_pace() -> None:
    clock = FakeClock()
    pace = pacing(clock, per_second=4)
    for _ in range(4):
        assert pace.asset_wait_seconds() == 0
        pace.take("anybody")

    assert pace.asset_wait_seconds() == 0.25
    clock.move(timedelta(seconds=0.25))

    assert pace.asset_wait_seconds() == 0


def test_one_person_is_spoken_to_at_their_own_pace() -> None:
    clock = FakeClock()
    pace = pacing(clock, every_seconds=6, burst=2)
    for _ in range(2):
        pace.take("ana")

    assert pace.pair_wait_seconds("ana") == 6
    assert pace.pair_wait_seconds("luis") == 0
    clock.move(timedelta(seconds=6))

    assert pace.pair_wait_seconds("ana") == 0


def test_a_slow_asset_may_always_say_one_thing() -> None:
    clock = FakeClock()
    pace = pacing(clock, per_second=0.1)
    assert pace.asset_wait_seconds() == 0

    pace.take("ana")

    assert pace.asset_wait_seconds() == 10


def test_the_people_kept_in_mind_are_bounded() -> None:
    clock = FakeClock()
    pace = pacing(clock, every_seconds=6)

    for number in range(buckets._MOST_PAIRS + 50):
        pace.take(f"p{number}")

    assert len(pace._pairs) == buckets._MOST_PAIRS
