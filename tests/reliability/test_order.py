"""Order per conversation from the socket to the effect, under random delays, duplicates, crashes."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pytest

from hub.pipeline.journal import JournalReader
from tests.support.audit import Books, problems, settled
from tests.support.hub_process import HubProcess, until
from tests.support.simulated_whatsapp import simulated_whatsapp

PHONES = [f"+52 222 300 {number:04d}" for number in range(5)]


@pytest.mark.feature("OP-05")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_was_accepted_in_an_order_is_handled_in_it(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    hub = HubProcess(tmp_path / "data")
    with simulated_whatsapp(tmp_path / "provider", hub.simulator_port, hub.webhook_port) as whatsapp:
        hub.environment = whatsapp.environment
        whatsapp.faults(duplicate=1, delay_ms=20)
        try:
            hub.start()
            for _ in range(3):
                for number in range(8):
                    phone = chance.choice(PHONES)
                    whatsapp.say(phone, f"{phone} {number} {chance.random()}")
                    time.sleep(chance.uniform(0, 0.03))
                time.sleep(chance.uniform(0, 0.2))
                hub.kill()
                hub.start()
            until(lambda: not whatsapp.undelivered(), "everything accepted", seconds=40)
            accepted = _accepted(hub.data)
            books = Books(hub.data)
            until(lambda: settled(books, accepted), "settled", seconds=40)
            assert hub.stop() == 0, hub.log[-3000:]

            assert problems(books, whatsapp, accepted) == []
            first = {key: data["message_id"] for key, data in reversed(books.events("message.received"))}
            assert {key: data["message_id"] for key, data in books.events("case.opened")} == first
        finally:
            hub.kill()


def _accepted(data: Path) -> dict[str, list[str]]:
    """Return the texts of each sender in the order in which the journal took them, each once."""
    found: dict[str, dict[str, str]] = {}
    reader = JournalReader(data / "journal")
    for entry in reader.read(None, rows=10_000, size=2**30):
        for change in json.loads(entry.delivery.body)["entry"][0]["changes"]:
            for message in change["value"].get("messages", ()):
                found.setdefault(message["from"], {}).setdefault(message["id"], message["text"]["body"])
    reader.close()
    return {phone: list(texts.values()) for phone, texts in found.items()}
