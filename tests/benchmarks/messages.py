"""Measures how many messages a second become tickets with a reply effect, in one process."""

from __future__ import annotations

from typing import Final

from tests.benchmarks.figures import Figure
from tests.benchmarks.place import Place, commits_per_second, cpu_seconds
from tests.benchmarks.watch import TICKET, Watch

SAYS: Final = "new customers as fast as hub run answers them, until each has a ticket with clocks, a reply as effect"
_CONNECTIONS: Final = 64


def run(place: Place) -> list[Figure]:
    """Count from the first byte sent to the last ticket; the disk's own speed is taken before each round."""
    count, rates, costs, commits = place.size.messages, [], [], []
    rounds = min(place.size.rounds, 3)
    for number in range(rounds):
        commits.append(commits_per_second(place.folder, place.size.seconds / 4))
        with (
            place.bare() as provider,
            place.hub(f"messages-{number}", provider_port=provider.port) as hub,
            place.client(hub.webhook_port, connections=_CONNECTIONS, count=count, distinct=count) as send,
            Watch(hub.data) as watch,
        ):
            assert hub.process is not None
            before = cpu_seconds(hub.process.pid)
            found = send()
            assert found["statuses"] == {"200": count}, found["statuses"]
            place.say(f"{count} were answered in {found['seconds']:.1f} s, {watch.done()} of them are done")
            watch.until(count, lambda done: place.say(f"{done} of {count} messages are done"))
            rates.append(count / (watch.instant(TICKET, count) - found["began_at"]))
            costs.append(1000 * (cpu_seconds(hub.process.pid) - before) / count)
        place.say(f"round {number + 1} of {rounds}: {rates[-1]:,.0f}/s; the disk takes {commits[-1]:,.0f} commits/s")
    baseline = {"sqlite_commits_per_second": sorted(commits)[len(commits) // 2]}
    return place.figures({"messages.rate": rates, "messages.cpu_ms": costs}, baseline)
