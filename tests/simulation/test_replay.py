"""A seed decides everything: a replay is the same bit for bit, in any process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.features.catalogue import ROOT
from tests.simulation.simulation import simulate
from tests.simulation.test_seeds import kept

SEEDS = (3, 7, 20)


@pytest.mark.parametrize("seed", SEEDS)
def test_two_runs_of_a_seed_leave_the_same_trace(seed: int) -> None:
    first, second = simulate(seed), simulate(seed)

    assert first.trace == second.trace
    assert first.lines == second.lines


def test_different_seeds_leave_different_traces() -> None:
    assert len({simulate(seed).trace for seed in SEEDS}) == len(SEEDS)


def test_a_replay_in_another_process_is_the_same_whatever_its_hashes_are() -> None:
    seed = SEEDS[0]
    command = [sys.executable, "-m", "tests.simulation", "--seed", str(seed)]

    told = [
        subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hashes},
            capture_output=True,
            text=True,
            check=True,
            timeout=100,
        ).stdout
        for hashes in ("1", "2")
    ]

    assert told[0] == told[1]
    assert told[0].splitlines()[-1] == f"trace {simulate(seed).trace}"


def test_a_failing_seed_says_how_to_replay_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.simulation import bugs, test_seeds

    monkeypatch.setattr(test_seeds, "simulate", lambda seed: simulate(seed, bug=bugs.send_again_in_doubt()))

    with pytest.raises(
        pytest.fail.Exception, match=r"make simulate SEED=2 replays this:\neffect \w+ reached the phone"
    ):
        kept((2,))
