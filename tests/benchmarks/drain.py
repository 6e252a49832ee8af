"""Measures how fast a backlog in the journal goes through ingest with handlers."""

from __future__ import annotations

from typing import Final

from tests.benchmarks.figures import Figure
from tests.benchmarks.place import Place, commits_per_second, cpu_seconds
from tests.benchmarks.watch import RECEIVED, TICKET, Watch
from tests.support.hub_process import until

SAYS: Final = "a receiver alone fills the journal, then hub run works it off; from the first event to the last ticket"


def run(place: Place) -> list[Figure]:
    """Fill, stop, drain; the disk's own speed is taken before each round."""
    count, rates, costs, commits = place.size.messages, [], [], []
    rounds = min(place.size.rounds, 3)
    for number in range(rounds):
        commits.append(commits_per_second(place.folder, place.size.seconds / 4))
        with place.bare() as provider, place.hub(f"drain-{number}", "--role", "receiver") as hub:
            with place.client(hub.webhook_port, count=count, distinct=count) as send:
                assert send()["statuses"] == {"200": count}
            assert hub.stop() == 0
            place.say(f"{count} messages wait in the journal")
            hub.arguments, hub.environment = (), place.environment(provider.port)
            with Watch(hub.data) as watch:
                hub.start(wait=False)
                until(lambda seen=watch: seen.counts[RECEIVED], "the first message is ingested")  # type: ignore[misc]
                watch.until(count, lambda done: place.say(f"{done} of {count} messages are handled"))
                rates.append(count / (watch.instant(TICKET, count) - watch.instant(RECEIVED, 1)))
                assert hub.process is not None
                costs.append(1000 * cpu_seconds(hub.process.pid) / count)
        place.say(f"round {number + 1} of {rounds}: {rates[-1]:,.0f}/s; the disk takes {commits[-1]:,.0f} commits/s")
    baseline = {"sqlite_commits_per_second": sorted(commits)[len(commits) // 2]}
    return place.figures({"drain.rate": rates, "drain.cpu_ms": costs}, baseline)
