"""Measures a message's way through an idle hub to the reply at the simulated provider."""

from __future__ import annotations

import contextlib
import http.client
import random
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from tests.benchmarks.bodies import body, request, sender
from tests.benchmarks.client import Connection
from tests.benchmarks.figures import Figure
from tests.benchmarks.place import Place
from tests.support.hub_process import HubProcess
from tests.support.simulated_whatsapp import SimulatedWhatsApp, simulated_whatsapp

SAYS: Final = "one new customer at a time writes to an idle hub; from the webhook's first byte to the reply's arrival"
_PATH: Final = "/webhooks/whatsapp/sandbox"
_WARM_UP: Final = 90_000_000


def run(place: Place) -> list[Figure]:
    """Time each message alone; the quiet answer of the same server is the baseline."""
    seconds: list[float] = []
    chance = random.Random(1)
    with place.bare() as bare, _simulated(place) as (hub, whatsapp):
        secret = whatsapp.environment["HUB_WHATSAPP__SANDBOX__APP_SECRET"].encode()
        quiet = [_answered(bare.port, request(body(number))) for number in range(50)]
        _timed(hub, whatsapp, _WARM_UP, secret)
        for number in range(place.size.replies):
            # Not in step with whatever the hub does by the clock.
            time.sleep(place.size.idle_seconds / 10 * chance.uniform(0.5, 1.5))
            seconds.append(_timed(hub, whatsapp, number, secret))
            if number % 20 == 19:
                place.say(f"{number + 1} of {place.size.replies} replies: p50 {1000 * _share(seconds, 0.5):.1f} ms")
    fifths: dict[int, list[float]] = defaultdict(list)
    for number, one in enumerate(seconds):
        fifths[number * place.size.rounds // len(seconds)].append(1000 * one)
    return place.figures(
        {
            "reply.p50": [_share(part, 0.5) for part in fifths.values()],
            "reply.p99": [1000 * _share(seconds, 0.99)],
        },
        {"bare_p50_ms": 1000 * _share(quiet, 0.5)},
    )


@contextlib.contextmanager
def _simulated(place: Place) -> Iterator[tuple[HubProcess, SimulatedWhatsApp]]:
    hub = HubProcess(place.folder / "reply", waits={})
    with simulated_whatsapp(Path(place.folder) / "provider", hub.simulator_port, hub.webhook_port) as whatsapp:
        hub.environment = whatsapp.environment
        try:
            hub.start()
            yield hub, whatsapp
        finally:
            hub.kill()


def _timed(hub: HubProcess, whatsapp: SimulatedWhatsApp, number: int, secret: bytes) -> float:
    """Return seconds from the first byte of the webhook to the reply's line in the provider's ledger."""
    sent = request(body(number, "reply"), secret=secret, path=_PATH)
    began = time.time()
    _answered(hub.webhook_port, sent)
    # Asked once, to be answered when it comes: who asks again and again holds up the simulator.
    (reply,) = whatsapp.phone(f"+{sender(number)}", wait_seconds=30)
    return datetime.fromisoformat(reply["at"]).timestamp() - began


def _answered(port: int, sent: bytes) -> float:
    started = time.perf_counter()
    connection = Connection(port)
    connection.send(sent, started)
    while (status := connection.status()) is None:
        pass
    connection.socket.close()
    assert status == http.client.OK, status
    return time.perf_counter() - started


def _share(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
