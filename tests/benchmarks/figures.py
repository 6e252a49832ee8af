"""What a benchmark measures, with what it must reach."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Better = Literal["less", "more"]

NOISE_FLOOR: Final = 0.10
"""Two runs of the same code differ by as much on a quiet machine."""


@dataclass(frozen=True)
class Kind:
    """One figure: its words, its unit, which way is better, what to reach, what to aim at."""

    label: str
    unit: str
    better: Better = "less"
    reach: float | None = None
    aim: float | None = None


KINDS: Final[Mapping[str, Kind]] = {
    "intake.cpu_ratio": Kind("CPU per durable accept, as a multiple of a bare ASGI answer", "x", "less", 3.5, 2.5),
    "intake.rate_share": Kind("durable accepts of one process, 64 connections, per bare", "", "more", 0.33, 0.45),
    "intake.rate": Kind("durable accepts of one process, 64 connections", "/s", "more"),
    "intake.cpu_us": Kind("CPU per durable accept", "µs"),
    "latency.p50": Kind("accept at 200/s open loop, the hub at work on the same messages, p50", "ms", "less", 2.5, 1.5),
    "latency.p99": Kind("accept at 200/s open loop, the hub at work on the same messages, p99", "ms", "less", 8, 4),
    "latency.ticket_p50": Kind("message to ticket with reply effect at 200/s, p50", "ms"),
    "latency.ticket_p99": Kind("message to ticket with reply effect at 200/s, p99", "ms"),
    "messages.rate": Kind("message to ticket with reply effect, embedded, one process", "/s", "more", 400, 1000),
    "messages.cpu_ms": Kind("CPU of hub run per message to ticket with reply effect, under the same load", "ms"),
    "reply.p50": Kind("webhook to reply at the simulator, idle hub, p50", "ms", "less", 40, 20),
    "reply.p99": Kind("webhook to reply at the simulator, idle hub, p99", "ms"),
    "drain.rate": Kind("drain of a backlog, messages handled", "/s", "more", 400, 1000),
    "drain.cpu_ms": Kind("CPU of hub run per message of a backlog, start included", "ms"),
    "relay.rate": Kind("relay, 1 KB events, from PostgreSQL to Kafka", "/s", "more", 5000, 15000),
    "relay.cpu_us": Kind("CPU of the relay per event", "µs"),
    "consumed.cpu_us": Kind("framework with pipeline, CPU per consumed event, its handler idle", "µs", "less", 200, 80),
    "consumed.rate": Kind("events consumed by one group of one process, its handler idle", "/s", "more"),
    "memory.idle": Kind("RSS of hub run, idle", "MB", "less", 120, 90),
    "memory.load": Kind("RSS of hub run, most under load", "MB", "less", 180, 130),
    "start.existing": Kind("start to ready, installed, existing data", "s", "less", 2, 1),
    "start.fresh": Kind("start to ready, installed, fresh data", "s", "less", 2, 1),
    "scale.rate": Kind("message to ticket, two workers, PostgreSQL with Kafka", "/s", "more", 250, 800),
    "scale.intake_ratio": Kind(
        "accept p99, Kafka with PostgreSQL away, as a multiple of both present", "x", "less", 1.5, 1.1
    ),
    "scale.reply_p99": Kind("webhook to reply at the simulator while Kafka is away, p99", "s", "less", 5, 2),
    "scale.first_effect": Kind("first effect after PostgreSQL is back", "s", "less", 5, 1),
    "scale.first_copy": Kind("first copy at a subscriber after Kafka is back", "s", "less", 5, 1),
    "imports.cli": Kind("import of the command line", "s"),
    "imports.run": Kind("import of all that hub run needs", "s"),
}


@dataclass(frozen=True)
class Figure:
    """A kind of figure as measured: once a round, with the baseline of the same minute."""

    name: str
    rounds: Sequence[float]
    baseline: Mapping[str, float] = field(default_factory=dict)

    @property
    def kind(self) -> Kind:
        """Return what the figure is."""
        return KINDS[self.name]

    @property
    def value(self) -> float:
        """Return the round in the middle."""
        return statistics.median(self.rounds)

    @property
    def spread(self) -> float:
        """Return how far rounds are apart, as a share of the value; half of the range, for few rounds."""
        return (max(self.rounds) - min(self.rounds)) / 2 / self.value if self.value else 0.0

    def document(self) -> dict[str, Any]:
        """Return the figure as it is kept."""
        kind = self.kind
        return {
            "label": kind.label,
            "unit": kind.unit,
            "better": kind.better,
            "reach": kind.reach,
            "aim": kind.aim,
            "reached": reached(kind, self.value),
            "value": shortened(self.value),
            "rounds": [shortened(one) for one in self.rounds],
            "spread": shortened(self.spread),
            "baseline": {name: shortened(one) for name, one in self.baseline.items()},
        }


def reached(kind: Kind, value: float) -> str | None:
    """Return ``aim``, ``reach`` or ``no``; None for a figure that has neither."""
    if kind.reach is None or kind.aim is None:
        return None
    for name, bar in (("aim", kind.aim), ("reach", kind.reach)):
        if (value <= bar) if kind.better == "less" else (value >= bar):
            return name
    return "no"


def shortened(value: float) -> float:
    """Return a number with no more digits than it is worth."""
    return float(f"{value:.3g}") if abs(value) < 1000 else float(round(value))
