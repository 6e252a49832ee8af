"""A delivery as large as Meta sends them goes the whole way, on either engine."""

from __future__ import annotations

from tests.support.audit import Books, problems, settled
from tests.support.hub_process import HubProcess, until
from tests.support.simulated_whatsapp import SimulatedWhatsApp

PHONES = [f"+52 222 700 00{number:02}" for number in range(13)]
LINES = 5
# WhatsApp's longest text has 4,096 characters; Meta writes each of these in twelve bytes.
_LONG = "😀" * 4_000
_MEGABYTES = 3


def test_three_megabytes_arrive_whole_once_in_order(hub: HubProcess, whatsapp: SimulatedWhatsApp, books: Books) -> None:
    said = {phone: [f"{line} {_LONG}" for line in range(LINES)] for phone in PHONES}
    hub.start()

    whatsapp.say_all([{"from": phone, "text": said[phone][line]} for line in range(LINES) for phone in PHONES])
    until(lambda: settled(books, said), "settled", seconds=90)

    assert problems(books, whatsapp, said) == []
    ((largest,),) = books.rows("SELECT max(length(body)) FROM deliveries")
    assert largest > _MEGABYTES * 1_000_000
    if hub.environment.get("HUB_KAFKA_BOOTSTRAP_SERVERS"):
        until(lambda: books.count("events", "published_at IS NULL") == 0, "subscribers have everything", seconds=60)
    assert hub.stop() == 0, hub.log[-3000:]
