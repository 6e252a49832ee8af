"""A file of ours reaches a customer on the channel where they wrote, once, whatever happens to its upload."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from tests.support.audit import Books
from tests.support.hub_process import HubProcess, until
from tests.support.simulated_facebook import SimulatedFacebook
from tests.support.simulated_whatsapp import SimulatedWhatsApp

PHONE = "+52 222 123 4567"
ANA = "Ana Torres"
TEXT = "Desde la actualización todas las facturas salen con errores contables"
PDF = b"%PDF-1.7 " + bytes(range(256)) * 400
PHOTO = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 200


def conversation(books: Books) -> str:
    until(lambda: books.events("ticket.opened"), "a ticket")
    (key,) = {key for key, _ in books.events("ticket.opened")}
    return key


def at_provider(simulated: SimulatedWhatsApp, tmp_path: Path, text: str) -> tuple[str, bytes]:
    """Return the phone that was sent the only message that shows as this text, with the bytes it carries."""
    (sent,) = [one for one in simulated.ledger(kind="send", taken="True") if one["text"] == text]
    (held,) = tmp_path.rglob(f"*.files/{sent['media']}")
    return sent["phone"], held.read_bytes()


def answer(hub: HubProcess, *words: str | Path) -> list[dict[str, Any]]:
    said = hub.command("conversations", "reply", *map(str, words), "--json")
    assert said.returncode == 0, said.stderr + said.stdout
    found: list[dict[str, Any]] = json.loads(said.stdout)["replies"]
    return found


def test_on_whatsapp_a_person_sends_words_with_a_file(
    hub: HubProcess, whatsapp: SimulatedWhatsApp, books: Books, tmp_path: Path
) -> None:
    guide = tmp_path / "Guía de CFDI.pdf"
    guide.write_bytes(PDF)
    hub.start()
    said = whatsapp.say(PHONE, TEXT)
    key = conversation(books)

    first, second = answer(hub, key, "Le comparto la guía.", "--file", guide)
    until(lambda: books.count("effects", "state = 'confirmed'") == 5, "read")

    assert [line["text"] for line in whatsapp.phone(PHONE, after=said["after"])][1:] == [
        "Le comparto la guía.",
        "[document]",
    ]
    assert at_provider(whatsapp, tmp_path, "[document]") == (whatsapp.ledger(kind="said")[0]["phone"], PDF)
    asked = {data["reply_id"]: data for _, data in books.events("reply.requested")}
    (told,) = asked[second["reply"]]["attachments"]
    assert (told["filename"], told["mime_type"], told["sha256"]) == (
        "Guía de CFDI.pdf",
        "application/pdf",
        hashlib.sha256(PDF).hexdigest(),
    )
    assert {asked[one["reply"]]["written_by"] for one in (first, second)} == {"person"}
    # Whoever answers has read; the greeting alone told nobody so.
    assert [one["typing"] for one in whatsapp.ledger(kind="mark")] == [False, True]
    # What a person says is the answer that the clock of the first response waits for.
    assert [data["name"] for _, data in books.events("clock.met")] == ["first_response"]


def test_on_messenger_a_person_sends_a_picture(
    hub: HubProcess, facebook: SimulatedFacebook, books: Books, tmp_path: Path
) -> None:
    picture = tmp_path / "pantalla.jpg"
    picture.write_bytes(PHOTO)
    hub.start()
    facebook.say(ANA, TEXT)
    key = conversation(books)

    answer(hub, key, "--file", picture)
    until(lambda: books.count("effects", "state = 'confirmed'") == 4, "read")
    assert {one["text"] for one in facebook.ledger(kind="send", type="action")} == {"mark_seen", "typing_on"}

    assert at_provider(facebook, tmp_path, "[image]")[1] == PHOTO
    # Its own echo is no colleague's word.
    assert books.events("reply.echoed") == []


def test_a_killed_hub_hands_the_file_over_again_for_one_message(
    hub: HubProcess, whatsapp: SimulatedWhatsApp, books: Books, tmp_path: Path
) -> None:
    guide = tmp_path / "guía.pdf"
    guide.write_bytes(PDF)
    hub.start()
    whatsapp.say(PHONE, TEXT)
    key = conversation(books)
    until(lambda: books.count("effects", "state = 'confirmed'") == 1, "greeted")
    whatsapp.faults(uploads=[{"do": "hang", "seconds": 30}])

    answer(hub, key, "--file", guide)
    until(lambda: whatsapp.ledger(kind="upload"), "under way")
    hub.kill()
    assert books.count("effects", "state = 'intent' AND kind = 'send_message'") == 1, "nothing is in doubt"
    hub.start()
    done = "state = 'confirmed' AND kind = 'send_message'"
    until(lambda: books.count("effects", done) == 2, "read", seconds=40)

    assert at_provider(whatsapp, tmp_path, "[document]")[1] == PDF
    assert books.events("reply.doubtful") == []
