"""What a seed chooses: how much is said, what goes wrong when."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Final, Literal

from hub.killpoints import POINTS
from hub.settings import Waits
from tests.simulation.world import World

FAULTS_UNTIL: Final = 90.0
"""Virtual seconds after which nothing goes wrong any more."""

SETTLED_WITHIN: Final = 300.0
"""Virtual seconds after the last fault within which everything must have come to its end."""

# Every wait of the hub, in the proportions of the shipped ones, so that a seed goes through all of them.
WAITS: Final = Waits(
    event_retry_seconds=(8, 16, 24),
    sweep_interval_seconds=15,
    sweep_age_seconds=5,
    probe_seconds=8,
    probe_max_seconds=20,
    provider_retry_seconds=(3, 6, 12),
    doubt_seconds=10,
    breaker_seconds=4,
    breaker_max_seconds=15,
    lease_seconds=20,
    look_seconds=4,
    stop_seconds=8,
)
DEADLINE_SECONDS: Final = 4.0

KILL_POINTS: Final = tuple(point for point in POINTS if point != "migration.before_commit")

Trouble = Literal[
    "begin", "commit", "commit after", "read", "journal", "journal after", "journal full", "deaf", "slow", "handlers"
]
"""What may be wrong for a while; ``after``: it was durable, only the answer is lost."""

_TROUBLES: Final[tuple[Trouble, ...]] = Trouble.__args__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Window:
    """A time in which something goes wrong, each time with a probability."""

    trouble: Trouble
    begins: float
    ends: float
    share: float


@dataclass(slots=True)
class Plan:
    """All that a seed decides beforehand.

    Attributes:
        kills: Instants of kills.
        armed: (instant, point, times): from the instant on, die when the point is reached that often.
        stops: Instants of clean stops.
        steps: (instant, seconds) by which somebody sets the wall clock.
        failing: Share of the pairs of group with event that the handler fails on.
        killer: Share of them that takes the process down instead, each time.
        unclear: Share of calls whose outcome the provider leaves open, or refuses for a while.
    """

    conversations: int
    kills: list[float] = field(default_factory=list)
    armed: list[tuple[float, str, int]] = field(default_factory=list)
    stops: list[float] = field(default_factory=list)
    steps: list[tuple[float, float]] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    failing: float = 0.0
    killer: float = 0.0
    unclear: float = 0.0
    segment_bytes: int = 64 * 1024 * 1024


def plan(world: World) -> Plan:
    """Return what the world's seed chooses."""
    chance = world.chance("plan")
    found = Plan(conversations=chance.choice((1, 2, 2, 3, 3, 4, 5, 13)))
    found.kills = _instants(chance, chance.choice((0, 0, 1, 1, 2, 3)))
    for _ in range(chance.choice((0, 1, 1, 2, 3, 5))):
        instant = chance.choice((0.0, chance.uniform(0, FAULTS_UNTIL)))
        found.armed.append((instant, chance.choice(KILL_POINTS), chance.choice((1, 1, 2, 3, 8))))
    if found.kills and chance.random() < 0.4:
        # Shortly after a kill: in the middle of the recovery from it.
        found.kills += [found.kills[0] + chance.uniform(0.2, 3) for _ in range(chance.choice((1, 2, 3)))]
    found.stops = _instants(chance, chance.choice((0, 0, 0, 1, 2)))
    for instant in _instants(chance, chance.choice((0, 0, 1, 2))):
        found.steps.append((instant, chance.choice((-25, -5, 3, 20, 40)) * chance.random()))
    for _ in range(chance.choice((0, 1, 2, 3, 5))):
        begins = chance.uniform(0, FAULTS_UNTIL - 1)
        ends = min(FAULTS_UNTIL, begins + chance.choice((0.5, 3, 10, 25)))
        found.windows.append(Window(chance.choice(_TROUBLES), begins, ends, chance.choice((0.05, 0.3, 0.7, 1.0))))
    if found.conversations > 10 and chance.random() < 0.6:
        # Enough keys for a group to be paused because most of them fail.
        begins = chance.uniform(0, FAULTS_UNTIL / 2)
        found.windows.append(Window("handlers", begins, begins + 25, 1.0))
    found.failing = chance.choice((0, 0, 0.03, 0.15))
    found.killer = chance.choice((0, 0, 0, 0.02)) if found.failing else 0.0
    found.unclear = chance.choice((0, 0.1, 0.4))
    found.segment_bytes = chance.choice((64 * 1024 * 1024, 40_000))
    return found


def _instants(chance: random.Random, count: int) -> list[float]:
    return sorted(chance.uniform(0, FAULTS_UNTIL) for _ in range(count))
