"""Which ends of a process make the next one start carefully."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.errors import StoreUnavailable
from hub.running_mark import running_mark


def was_clean(data: Path) -> bool:
    """Tell what a process finds that starts now, then ends by itself."""
    with running_mark(data, "worker") as clean:
        return bool(clean)


def test_a_process_that_ended_by_itself_leaves_no_suspicion(tmp_path: Path) -> None:
    assert was_clean(tmp_path)
    assert was_clean(tmp_path)


def end_over(data: Path, error: Exception) -> None:
    """Let a process end because of an error."""
    with running_mark(data, "worker"):
        raise error


def test_a_part_that_broke_makes_the_next_start_careful(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        end_over(tmp_path, RuntimeError("it broke"))

    assert not was_clean(tmp_path)


def test_a_database_that_refuses_each_start_puts_nothing_under_suspicion(tmp_path: Path) -> None:
    """Three such starts made a poison of whatever the first of them had in hand (found by the simulation)."""
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            end_over(tmp_path, StoreUnavailable("away"))

    assert was_clean(tmp_path)
