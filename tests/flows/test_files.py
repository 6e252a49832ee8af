"""A customer's file ends on the hub's own disk, whatever its provider does meanwhile, on either engine."""

from __future__ import annotations

import hashlib
import io
import stat
import zipfile
from typing import Any

import pytest

from tests.support.audit import Books
from tests.support.hub_process import HubProcess, until
from tests.support.simulated_facebook import SimulatedFacebook
from tests.support.simulated_whatsapp import SimulatedWhatsApp

PHONE = "+52 222 123 4567"
ANA = "Ana Torres"
PHOTO = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 200


def kept(hub: HubProcess, books: Books, state: str = "stored") -> list[tuple[str, bytes]]:
    """Return type with bytes of each file in a state; nobody but the owner can read them."""
    found = []
    for name, type_, size, digest in books.rows(
        "SELECT stored_as, stored_type, stored_bytes, stored_sha256 FROM attachments"
        f" WHERE state = '{state}' ORDER BY position"
    ):
        path = hub.data / "media" / name[:2] / name
        content = path.read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (size, digest)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        found.append((type_, content))
    return found


def send(whatsapp: SimulatedWhatsApp, content: bytes, mime: str, name: str = "", kind: str = "image") -> dict[str, Any]:
    file = whatsapp.put_file(content, mime, name or None)
    told = {key: file[key] for key in ("id", "mime_type", "sha256")} | ({"filename": name} if name else {})
    whatsapp.say(PHONE, None, type=kind, content={kind: told})
    return file


@pytest.mark.feature("CI-15", part="whatsapp")
def test_a_picture_on_whatsapp_is_kept_with_its_bytes(
    hub: HubProcess, whatsapp: SimulatedWhatsApp, books: Books
) -> None:
    # The first attempts meet what happens to downloads.
    whatsapp.faults(files=[{"do": "status", "status": 404}, {"do": "cut"}, {"do": "redirect"}])
    hub.environment = {**hub.environment, "HUB_WAITS__FILE_RETRY_SECONDS": "0.1"}
    hub.start()

    file = send(whatsapp, PHOTO, "image/jpeg")
    until(lambda: books.events("attachment.stored"), "stored")

    assert kept(hub, books) == [("image/jpeg", PHOTO)]
    ((_, stored),) = books.events("attachment.stored")
    ((_, received),) = books.events("message.received")
    assert stored["attachment_id"] == received["attachments"][0]["attachment_id"]
    assert (stored["message_id"], stored["is_as_announced"]) == (received["message_id"], True)
    downloads = whatsapp.ledger(kind="download", id=file["id"])
    assert [one["fault"] for one in downloads] == ["status", "cut", "redirect", None]
    # The token is for the first host alone; elsewhere is the same host here, the unit test has another one.
    assert all(one["token"] for one in downloads[:3])


@pytest.mark.feature("CI-15", part="facebook")
def test_a_picture_on_messenger_is_kept_with_its_bytes(
    hub: HubProcess, facebook: SimulatedFacebook, books: Books
) -> None:
    facebook.faults(files=[{"do": "status", "status": 500}])
    hub.environment = {**hub.environment, "HUB_WAITS__FILE_RETRY_SECONDS": "0.1"}
    hub.start()

    file = facebook.put_file(PHOTO, "image/jpeg")
    facebook.say(ANA, None, content={"attachments": [{"type": "image", "payload": {"url": file["url"]}}]})
    until(lambda: books.events("attachment.stored"), "stored")

    assert kept(hub, books) == [("image/jpeg", PHOTO)]
    assert not any(one["token"] for one in facebook.ledger(kind="download"))


def test_a_program_is_set_apart_while_daily_bread_is_not(
    hub: HubProcess, whatsapp: SimulatedWhatsApp, books: Books
) -> None:
    hub.start()
    backup, trap = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(backup, "w") as archive:
        archive.writestr("MICROSIP.FBK", b"\x01\x00" * 500)
    with zipfile.ZipFile(trap, "w") as archive:
        archive.writestr("factura.pdf.exe", b"MZ\x00")
    bread = [
        (backup.getvalue(), "application/zip", "respaldo.zip"),
        (b'<?xml version="1.0"?><cfdi:Comprobante/>', "text/xml", "factura.xml"),
        (b"%PDF-1.7 factura", "application/pdf", "factura.pdf"),
        (b"\x01\x00\x39\x00" * 300, "application/octet-stream", "EMPRESA.FDB"),
    ]

    for content, mime, name in [*bread, (trap.getvalue(), "application/zip", "factura.zip")]:
        send(whatsapp, content, mime, name, "document")
    until(lambda: books.count("attachments", "state <> 'wanted'") == 5, "all fetched")

    assert sorted(content for _, content in kept(hub, books)) == sorted(content for content, _, _ in bread)
    assert kept(hub, books, "quarantined") == [("application/zip", trap.getvalue())]
    ((_, apart),) = books.events("attachment.quarantined")
    assert apart["reason_es"] == "un archivo comprimido con un .exe dentro"


def test_a_killed_hub_fetches_again_without_leaving_a_second_file(
    hub: HubProcess, whatsapp: SimulatedWhatsApp, books: Books
) -> None:
    whatsapp.faults(files=[{"do": "slow", "seconds": 0.2}])
    # So long nobody else takes a file from a process that may still live.
    hub.environment = {**hub.environment, "HUB_WAITS__LEASE_SECONDS": "1", "HUB_WAITS__FILE_SECONDS": "3"}
    hub.start()
    send(whatsapp, PHOTO, "image/jpeg")
    until(lambda: whatsapp.ledger(kind="download"), "under way")
    hub.kill()
    whatsapp.faults()

    hub.start()
    until(lambda: books.events("attachment.stored"), "stored", seconds=30)

    assert kept(hub, books) == [("image/jpeg", PHOTO)]
    assert len(books.events("attachment.stored")) == 1
    assert len([path for path in (hub.data / "media").rglob("*") if path.is_file()]) == 1
