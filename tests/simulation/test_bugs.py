"""The simulation finds what is wrong: each planted bug within a thousand seeds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.simulation.bugs import BUGS
from tests.simulation.simulation import Outcome, simulate

MOST_SEEDS = 1000

# What a bug must be found by, so that it is not some other trouble that stops the search.
SIGNS = {
    "acknowledge before commit": "was answered 200, yet it is not in the journal",
    "lost held event": "nor gave it up",
    "double timer": "fired 2 times",
    "sent again in doubt": "reached the phone 2 times",
    "no deduplication": "although nothing is wrong with it",
}


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_found(name: str, record_property: Callable[[str, object], None]) -> None:
    found = search(name)

    record_property("found_at_seed", found.seed)
    assert any(SIGNS[name] in problem for problem in found.problems)
    assert simulate(found.seed).problems == ()


def search(name: str) -> Outcome:
    """Return the first seed that finds a bug."""
    for seed in range(1, MOST_SEEDS + 1):
        outcome = simulate(seed, bug=BUGS[name]())
        if any(SIGNS[name] in problem for problem in outcome.problems):
            return outcome
    pytest.fail(f"{MOST_SEEDS} seeds did not find it")
