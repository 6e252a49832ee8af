"""Plans how the lives of a hub end, from a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from hub.killpoints import POINTS

How = Literal["point", "running", "starting", "stopping", "calling", "clean"]

_LATEST: Final = 10
_NO_PLACE_OF_THEIRS: Final = {"migration.before_commit", "stop.draining"}
_BY_NAME: Final = tuple(name for name in POINTS if name not in _NO_PLACE_OF_THEIRS)
# What one round holds beside every point of the path.
_OTHERS: Final[tuple[How, ...]] = ("running",) * 4 + ("starting",) * 2 + ("stopping", "calling", "calling")


@dataclass(frozen=True, slots=True)
class Death:
    """How one life ends.

    Attributes:
        how: At a named point, at random while it runs, starts or stops, with the provider holding a call, or cleanly.
        point: What is armed, ``name:n``.
        after_seconds: When it ends: from the start of the process for ``starting``, from ready for the others. A
            point that was not reached by then ends the same.
        stopping_seconds: How long after it was asked to stop it is killed, for ``stopping``.
    """

    how: How
    point: str = ""
    after_seconds: float = 0.0
    stopping_seconds: float = 0.0

    @property
    def name(self) -> str:
        """What to count it under."""
        return self.point.partition(":")[0] or self.how


def plan(chance: random.Random) -> Iterator[Death]:
    """Yield deaths without end, in rounds that hold every kind; the first may be in the migration."""
    if chance.random() < 0.5:
        yield Death("point", "migration.before_commit:1", 5.0)
    while True:
        yield from _round(chance)


def _round(chance: random.Random) -> list[Death]:
    found = [Death("point", f"{name}:{_occurrence(chance)}", 0.8) for name in _BY_NAME]
    found.append(Death("point", "stop.draining:1", chance.uniform(0, 0.3)))
    for how in _OTHERS:
        longest = 0.25 if how == "starting" else 0.5
        found.append(Death(how, "", chance.uniform(0, longest), chance.expovariate(1 / 0.02)))
    chance.shuffle(found)
    # No kill, so it stands where a round that ends early still has it.
    found.insert(chance.randrange(len(found) // 2), Death("clean", "", chance.uniform(0, 0.5)))
    return found


def _occurrence(chance: random.Random) -> int:
    """Return 1 half of the time, ever later with falling odds: the first of anything is where the odd cases are."""
    number = 1
    while number < _LATEST and chance.random() < 0.5:
        number += 1
    return number
