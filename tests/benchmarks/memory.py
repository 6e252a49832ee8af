"""Measures the memory of hub run, idle, then at its most while it is loaded."""

from __future__ import annotations

import time
from typing import Final

from tests.benchmarks.figures import Figure
from tests.benchmarks.place import Place, megabytes
from tests.benchmarks.watch import Watch

SAYS: Final = "resident memory of hub run: idle, then the most it had while 64 connections sent new customers"


def run(place: Place) -> list[Figure]:
    """Look when it is idle, then after the load: the kernel remembers the most."""
    count, idle, load = place.size.messages, [], []
    rounds = min(place.size.rounds, 2)
    with place.bare() as provider:
        bare = megabytes(provider.pid, "VmRSS")
        for number in range(rounds):
            with (
                place.hub(f"memory-{number}", provider_port=provider.port) as hub,
                place.client(hub.webhook_port, count=count, distinct=count) as send,
                Watch(hub.data) as watch,
            ):
                assert hub.process is not None
                time.sleep(place.size.idle_seconds)
                idle.append(megabytes(hub.process.pid, "VmRSS"))
                send()
                watch.until(count, lambda done: place.say(f"{done} of {count} messages are done"))
                load.append(megabytes(hub.process.pid, "VmHWM"))
            place.say(f"round {number + 1} of {rounds}: idle {idle[-1]:.0f} MB, most under load {load[-1]:.0f} MB")
    return place.figures({"memory.idle": idle, "memory.load": load}, {"bare_asgi_megabytes": bare})
