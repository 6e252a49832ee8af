"""What stands at the top of each page about journals."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from hub.observation import Waiting
from hub.services.backlog import Backlog
from hub.store.journals import Report
from hub.web import alarms
from tests.support.clock import MONDAY_MORNING

NOW = MONDAY_MORNING


def waiting(**given: Any) -> Waiting:
    fields: dict[str, Any] = {
        "pending": 0,
        "pending_since": None,
        "silent_for": timedelta(seconds=4),
        "waiting_for": timedelta(0),
        **given,
    }
    nothing = Backlog(groups=(), dead_letters=0, effects={}, newest=0)
    return Waiting(0, None, nothing, "mine", [Report("theirs", "nodo-2", **fields)])


def said(found: Waiting, alarm: str | None = None) -> list[str]:
    return [one.what for one in alarms.sound(found, None, alarm, NOW)]


def test_a_journal_that_speaks_is_no_alarm() -> None:
    assert said(waiting(silent_for=timedelta(minutes=4, seconds=59))) == []


def test_a_journal_that_is_silent_for_five_minutes_is_one() -> None:
    (one,) = alarms.sound(waiting(silent_for=timedelta(minutes=5, seconds=1)), None, None, NOW)

    assert one.what == "La bitácora de nodo-2 no da señales desde hace 5 min."
    assert (one.level, one.command) == ("wrong", "hub journal adopt RUTA")


def test_a_journal_whose_oldest_delivery_grows_old_is_one() -> None:
    late = waiting(pending=3, pending_since=NOW - timedelta(minutes=2), waiting_for=timedelta(minutes=2))

    assert said(late) == ["En la bitácora de nodo-2 hay 3 por ingresar, desde hace 2 min."]


@pytest.mark.parametrize(("alarm", "count"), [(None, 1), ("the journal is not the one it was", 1)])
def test_of_its_own_journal_it_says_one_thing(alarm: str | None, count: int) -> None:
    found = waiting(silent_for=timedelta(minutes=9))
    own = Waiting(0, None, found.backlog, "theirs", found.journals)

    assert len(said(own, alarm)) == count
