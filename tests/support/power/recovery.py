"""Starts a hub on the disk that a power cut left, then holds its books against what had been said before."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from hub.pipeline.journal import JournalReader
from hub.settings import Waits
from tests.support.audit import Books
from tests.support.embedded_hub import embedded_hub
from tests.support.hub_process import HubProcess, until
from tests.support.power.judge import Witness, judge
from tests.support.simulated_whatsapp import simulated_whatsapp

_QUICK = Waits(
    doubt_seconds=0.05,
    sweep_interval_seconds=0.2,
    sweep_age_seconds=0,
    event_retry_seconds=(0.05, 0.1),
    provider_retry_seconds=(0.05, 0.1),
    look_seconds=0.05,
)
_OPEN = "state IN ('intent', 'sending') OR (state = 'unknown' AND code IS NULL)"


async def recover(data: Path, witness: Witness, environment: Mapping[str, str]) -> list[str]:
    """Run a hub in this process until all is done; return what is lost, twice or half."""
    async with embedded_hub(data, _QUICK, environment) as hub:
        await hub.until(lambda: _is_done(data, witness), f"all done on {data.name}")
        calls = Counter(call.effect_id for call in hub.sender.calls)
    return _problems(data, witness, calls)


def recover_whole(data: Path, witness: Witness, provider: Path) -> list[str]:
    """Run the real process until all is done; return what is lost, twice or half."""
    hub = HubProcess(data)
    with simulated_whatsapp(provider, hub.simulator_port, hub.webhook_port) as whatsapp:
        hub.environment = whatsapp.environment
        try:
            hub.start()
            until(lambda: _is_done(data, witness), f"all done on {data.name}")
            assert hub.stop() == 0, hub.log[-3000:]
        finally:
            hub.kill()
        calls = Counter(entry["effect"] for entry in whatsapp.ledger(kind="send", taken="True"))
    return _problems(data, witness, calls)


def _is_done(data: Path, witness: Witness) -> bool:
    books = Books(data)
    # First of all: what was never answered may be in the journal, too, so more may be heard than was said.
    ingested = books.rows("SELECT sum(ingested) FROM journal_cursors")
    if not ingested or (ingested[0][0] or 0) < JournalReader(data / "journal").total():
        return False
    spoke = len({key for key, _ in books.events("message.received")})
    return (
        _heard(books) >= _said(witness)
        and books.count("tickets") >= spoke
        and books.count("effects") >= spoke
        and books.count("effects", _OPEN) == 0
    )


def _problems(data: Path, witness: Witness, calls: Counter[str]) -> list[str]:
    books = Books(data)
    found = [f"{problem.kind}: {problem.text}" for problem in judge(data, witness)]
    if _said(witness) - _heard(books):
        found.append(f"never heard: {sorted(_said(witness) - _heard(books))}")
    for type_ in ("case.opened", "ticket.opened", "reply.requested"):
        per_key = Counter(key for key, _ in books.events(type_))
        found += [f"{count} times {type_} in {key}" for key, count in per_key.items() if count != 1]
    for effect, state, code in books.rows("SELECT id, state, code FROM effects"):
        times = witness.called[effect] + calls[effect]
        if times > 1:
            found.append(f"effect {effect} was called {times} times")
        if times == 0 and (state, code) != ("unknown", "doubtful"):
            found.append(f"effect {effect} is {state}, yet nobody was called")
    return found


def _said(witness: Witness) -> set[str]:
    return {
        message["id"]
        for body in witness.answered
        for entry in json.loads(body)["entry"]
        for change in entry["changes"]
        for message in change["value"].get("messages", ())
    }


def _heard(books: Books) -> set[str]:
    return {data["provider_message_id"] for _, data in books.events("message.received")}
