"""Measures answers at 200 a second by the clock, while the rest of the hub works on the same messages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

from tests.benchmarks.figures import Figure
from tests.benchmarks.place import Place
from tests.benchmarks.watch import REPLY, TICKET, Watch

SAYS: Final = "200 new customers a second, sent by the clock, to hub run with a provider that takes every reply"
RATE: Final = 200.0


def run(place: Place) -> list[Figure]:
    """Send in rounds; a latency counts from the instant at which the request should have left."""
    seconds = place.size.open_seconds
    count = int(RATE * seconds)
    times = min(place.size.rounds, 3)
    rounds: dict[str, list[float]] = defaultdict(list)
    bare_p50, bare_p99 = [], []
    with (
        place.bare() as bare,
        place.bare() as provider,
        place.hub("latency", provider_port=provider.port) as hub,
        place.client(bare.port, seconds=seconds, rate=RATE, distinct=count) as to_bare,
        place.client(hub.webhook_port, seconds=seconds, rate=RATE, distinct=count * times, first=1000) as to_hub,
        Watch(hub.data, every_seconds=0.002) as watch,
    ):
        _warm_up(place, hub.webhook_port, watch)
        for number in range(times):
            quiet = to_bare()
            bare_p50.append(quiet["p50_ms"])
            bare_p99.append(quiet["p99_ms"])
            before = watch.done()
            found = to_hub()
            assert set(found["statuses"]) == {"200"}, found["statuses"]
            watch.until(before + count, lambda done: place.say(f"{done} messages are done"))
            ticket = sorted(_to_ticket(watch, found, before, count))
            rounds["latency.p50"].append(found["p50_ms"])
            rounds["latency.p99"].append(found["p99_ms"])
            rounds["latency.ticket_p50"].append(ticket[len(ticket) // 2])
            rounds["latency.ticket_p99"].append(ticket[len(ticket) * 99 // 100])
            place.say(
                f"round {number + 1} of {times}: answered p50 {found['p50_ms']:.2f} p99 "
                f"{found['p99_ms']:.2f} ms (bare {quiet['p50_ms']:.2f}, {quiet['p99_ms']:.2f}); "
                f"ticket p50 {rounds['latency.ticket_p50'][-1]:.1f} p99 {rounds['latency.ticket_p99'][-1]:.1f} ms"
            )
    middle = len(bare_p50) // 2
    baseline = {"bare_p50_ms": sorted(bare_p50)[middle], "bare_p99_ms": sorted(bare_p99)[middle]}
    return place.figures(rounds, baseline)


def _warm_up(place: Place, port: int, watch: Watch) -> None:
    """Let the first messages pay for what is loaded at first use."""
    with place.client(port, connections=1, count=20, distinct=20) as send:
        send()
    watch.until(20, lambda done: place.say(f"warming up: {done} of 20"))


def _to_ticket(watch: Watch, found: Mapping[str, Any], before: int, count: int) -> list[float]:
    """Return milliseconds from the n-th message's instant to the n-th ticket: people do not overtake each other."""
    return [
        1000
        * (
            max(watch.instant(TICKET, before + number + 1), watch.instant(REPLY, before + number + 1))
            - (found["began_at"] + number / RATE)
        )
        for number in range(count)
    ]
