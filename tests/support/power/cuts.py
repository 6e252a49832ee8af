"""Cuts the power of a recorded hub at random moments."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.power.disk import Disk
from tests.support.power.judge import Problem, Witness, judge
from tests.support.power.recording import Recording

_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - thousands of disks need no disk of their own


@dataclass(frozen=True)
class Cut:
    """One power cut.

    Attributes:
        number: With the seed it decides everything about the cut.
        data: The disk that it left, there until the next cut is asked for.
        witness: What had been said by then, which the next cut goes on with.
    """

    number: int
    data: Path
    witness: Witness


def cuts(recording: Recording, seed: int, numbers: Sequence[int]) -> Iterator[Cut]:
    """Cut a recording's power once for each number, in the order of the moments."""
    chances = {number: random.Random(f"{seed}:{number}") for number in numbers}
    ops = recording.ops
    moments = sorted((chance.randint(0, len(ops)), number) for number, chance in chances.items())
    disk, witness, done = Disk(), Witness(), 0
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
        for moment, number in moments:
            for op in ops[done:moment]:
                disk.do(op)
                witness.hear(op)
            done = moment
            data = Path(folder) / f"cut-{number}"
            disk.cut(chances[number], data)
            yield Cut(number, data, witness)
            shutil.rmtree(data)


@dataclass(frozen=True)
class Verdict:
    """What many cuts of one recording came to."""

    cuts: int
    problems: dict[int, list[Problem]]
    answered: int
    called: int

    def by_kind(self) -> Counter[str]:
        """Return how many cuts broke the promise in each way."""
        return Counter(kind for found in self.problems.values() for kind in {problem.kind for problem in found})


def try_cuts(recording: Recording, seed: int, numbers: Sequence[int]) -> Verdict:
    """Judge many cuts."""
    problems: dict[int, list[Problem]] = {}
    witness = Witness()
    for cut in cuts(recording, seed, numbers):
        witness = cut.witness
        found = judge(cut.data, witness)
        if found:
            problems[cut.number] = found
    return Verdict(len(numbers), problems, witness.answered.total(), witness.called.total())
