"""Measures what a durable accept costs beside a bare answer of the same server."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from tests.benchmarks import wrk
from tests.benchmarks.figures import Figure
from tests.benchmarks.place import Place, cpu_seconds

SAYS: Final = "1 KB signed bodies over 64 connections to a receiver alone; rate with CPU, beside a bare ASGI answer"


def run(place: Place) -> list[Figure]:
    """Alternate between the bare answer and the receiver, so that both meet the same machine."""
    rounds: dict[str, list[float]] = defaultdict(list)
    bare_rates, bare_costs = [], []
    with place.bare() as bare, place.hub("intake", "--role", "receiver") as hub:
        assert hub.process is not None
        place.say("the client is wrk" if wrk.is_installed() else "wrk is not installed; the client is our own")
        with _client(place, bare.port) as to_bare, _client(place, hub.webhook_port) as to_hub:
            to_bare()
            to_hub()
            for number in range(place.size.rounds):
                bare_rate, bare_cost = _measured(bare.pid, to_bare)
                rate, cost = _measured(hub.process.pid, to_hub)
                rounds["intake.cpu_ratio"].append(cost / bare_cost)
                rounds["intake.rate_share"].append(rate / bare_rate)
                rounds["intake.rate"].append(rate)
                rounds["intake.cpu_us"].append(1e6 * cost)
                bare_rates.append(bare_rate)
                bare_costs.append(1e6 * bare_cost)
                place.say(
                    f"round {number + 1} of {place.size.rounds}: bare {bare_rate:,.0f}/s, {1e6 * bare_cost:.0f} µs; "
                    f"durable {rate:,.0f}/s, {1e6 * cost:.0f} µs"
                )
    baseline = {"bare_per_second": sorted(bare_rates)[len(bare_rates) // 2]}
    baseline["bare_cpu_us"] = sorted(bare_costs)[len(bare_costs) // 2]
    return place.figures(rounds, baseline)


@contextlib.contextmanager
def _client(place: Place, port: int) -> Iterator[Callable[[], Mapping[str, Any]]]:
    if wrk.is_installed():
        yield wrk.sending(place.folder, port, place.size.seconds)
    else:
        with place.client(port, seconds=place.size.seconds) as send:
            yield send


def _measured(pid: int, send: Callable[[], Mapping[str, Any]]) -> tuple[float, float]:
    """Return answers a second with the CPU seconds of each."""
    before = cpu_seconds(pid)
    found = send()
    spent = cpu_seconds(pid) - before
    if set(found["statuses"]) != {"200"}:
        msg = f"not everything was answered 200: {found['statuses']}"
        raise RuntimeError(msg)
    return found["answered"] / found["seconds"], spent / found["answered"]
