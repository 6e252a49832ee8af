"""Most of the keys tried last, each by its latest result."""

from __future__ import annotations

from hub.pipeline.consumer.mass_failure import MassFailure


def _after(*results: tuple[str, bool]) -> bool:
    mass = MassFailure()
    for key, failed in results:
        mass.note(key, failed=failed)
    return mass.is_on


def test_eleven_failing_keys_are_most_of_twenty() -> None:
    assert not _after(*((f"k{number}", True) for number in range(10)))
    assert _after(*((f"k{number}", True) for number in range(11)))
    assert _after(*((f"k{number}", number < 11) for number in range(20)))
    assert not _after(*((f"k{number}", number < 10) for number in range(20)))


def test_a_key_counts_once_by_its_latest_result() -> None:
    assert not _after(*(("same", True) for _ in range(100)))
    failing = [(f"k{number}", True) for number in range(10)]
    assert not _after(*failing, ("k0", False), ("k10", True))
    assert _after(*failing, ("k0", False), ("k0", True), ("k10", True))


def test_only_the_twenty_keys_tried_last_count() -> None:
    failing = [(f"k{number}", True) for number in range(10)]
    fine = [(f"fine{number}", False) for number in range(20)]

    assert not _after(*failing, *fine, *((f"late{number}", True) for number in range(10)))
    assert _after(*failing, *fine, *((f"late{number}", True) for number in range(11)))


def test_forgetting_begins_anew() -> None:
    mass = MassFailure()
    for number in range(11):
        mass.note(f"k{number}", failed=True)

    mass.forget()

    assert not mass.is_on
