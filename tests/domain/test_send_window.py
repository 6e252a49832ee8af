"""Until when a provider takes our own words."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.domain import send_window
from tests.support.clock import MONDAY_MORNING as WROTE


@pytest.mark.parametrize(
    ("channel", "after", "by_person", "manner"),
    [
        ("whatsapp", timedelta(0), False, "free"),
        ("whatsapp", timedelta(hours=23, minutes=58), False, "free"),
        ("whatsapp", timedelta(hours=23, minutes=59), False, "shut"),
        ("whatsapp", timedelta(hours=24), True, "shut"),
        ("facebook", timedelta(hours=23), True, "free"),
        ("facebook", timedelta(hours=25), True, "person"),
        ("facebook", timedelta(hours=25), False, "shut"),
        ("facebook", timedelta(days=6, hours=23), True, "person"),
        ("facebook", timedelta(days=7), True, "shut"),
    ],
)
def test_how_something_may_leave(channel: str, after: timedelta, by_person: bool, manner: str) -> None:  # noqa: FBT001
    window = send_window.of(channel, WROTE)

    assert window is not None
    assert window.manner(WROTE + after, by_person=by_person) == manner


def test_a_window_that_never_opened_is_shut_for_everybody() -> None:
    window = send_window.of("facebook", None)

    assert window is not None
    assert window.manner(WROTE, by_person=True) == "shut"
    assert window.left(WROTE) == timedelta(0)


def test_a_channel_without_windows_has_none() -> None:
    assert send_window.of("email", WROTE) is None


def test_the_time_left_is_never_less_than_none() -> None:
    window = send_window.of("whatsapp", WROTE)

    assert window is not None
    assert window.left(WROTE + timedelta(hours=22)) == timedelta(hours=2)
    assert window.left(WROTE + timedelta(days=3)) == timedelta(0)
