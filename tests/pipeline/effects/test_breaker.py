"""A host whose calls fail is left alone, then tried one call at a time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.pipeline.effects.breaker import Breaker
from tests.support.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def breaker(clock: FakeClock) -> Breaker:
    return Breaker(clock, 30, 900)


def call(breaker: Breaker, *, failed: bool, at_once: bool = False) -> None:
    assert breaker.allows()
    breaker.ended(probe=breaker.started(), failed=failed, at_once=at_once)


def open_it(breaker: Breaker) -> None:
    call(breaker, failed=True, at_once=True)


def test_five_failures_of_the_last_ten_open_it(breaker: Breaker) -> None:
    for failed in (True, False, True, False, True, False, True, False, False):
        call(breaker, failed=failed)
    assert not breaker.is_open

    call(breaker, failed=True)

    assert not breaker.allows()


def test_failures_that_are_long_past_do_not_count(breaker: Breaker) -> None:
    for _ in range(4):
        call(breaker, failed=True)
    for _ in range(10):
        call(breaker, failed=False)
    for _ in range(4):
        call(breaker, failed=True)

    assert not breaker.is_open


def test_a_revoked_token_opens_it_at_once(breaker: Breaker) -> None:
    call(breaker, failed=True, at_once=True)

    assert not breaker.allows()


def test_one_probe_at_a_time_after_the_pause(breaker: Breaker, clock: FakeClock) -> None:
    open_it(breaker)
    clock.move(timedelta(seconds=29.9))
    assert not breaker.allows()
    clock.move(timedelta(seconds=0.1))
    assert breaker.allows()

    assert breaker.started() is True

    assert not breaker.allows()


def test_each_failed_probe_doubles_the_pause_up_to_the_longest(breaker: Breaker, clock: FakeClock) -> None:
    open_it(breaker)
    for pause in (30, 60, 120, 240, 480, 900, 900):
        clock.move(timedelta(seconds=pause - 0.1))
        assert not breaker.allows(), pause
        clock.move(timedelta(seconds=0.1))
        call(breaker, failed=True)


def test_a_probe_that_succeeds_closes_it_with_a_clean_sheet(breaker: Breaker, clock: FakeClock) -> None:
    for _ in range(5):
        call(breaker, failed=True)
    clock.move(timedelta(seconds=30))
    call(breaker, failed=False)
    assert not breaker.is_open

    for _ in range(4):
        call(breaker, failed=True)

    assert not breaker.is_open


def test_calls_that_were_under_way_when_it_opened_neither_double_the_pause_nor_close_it(
    breaker: Breaker, clock: FakeClock
) -> None:
    calls = [breaker.started() for _ in range(20)]
    for probe in calls[:12]:
        breaker.ended(probe=probe, failed=True)
    breaker.ended(probe=calls[12], failed=False)
    assert breaker.is_open

    clock.move(timedelta(seconds=30))
    probe = breaker.started()
    breaker.ended(probe=calls[13], failed=True)

    assert not breaker.allows()
    breaker.ended(probe=probe, failed=False)
    assert breaker.allows()


def test_a_probe_that_was_not_made_leaves_room_for_the_next(breaker: Breaker, clock: FakeClock) -> None:
    open_it(breaker)
    clock.move(timedelta(seconds=30))

    breaker.withdrawn(probe=breaker.started())

    assert breaker.allows()
