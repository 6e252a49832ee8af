"""The whole way of a message inside one process, without any service."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from schemas.envelope import CloudEvent, data_model
from tests.support.embedded_hub import embedded_hub, text_message

NOW = int(time.time())
SAMPLES = Path("connectors/whatsapp/samples")


@pytest.mark.feature("DX-02")
async def test_a_full_flow_needs_no_service_and_few_seconds(tmp_path: Path) -> None:
    started = time.monotonic()

    async with embedded_hub(tmp_path / "data") as hub:
        assert await hub.deliver(text_message("5212221234567", "No timbra", "wamid.1", NOW)) == 200
        await hub.until(lambda: hub.books.events("reply.sent"), "answered")
        await hub.until(lambda: len(hub.books.events("clock.started")) == 2, "clocks started")

    assert [call.reply_to for call in hub.sender.calls] == [{"to": "5212221234567"}]
    assert len(hub.books.events("ticket.opened")) == 1
    assert time.monotonic() - started < 5


@pytest.mark.feature("CI-01")
async def test_every_item_of_a_batch_becomes_an_event(tmp_path: Path, database: str | None) -> None:
    """Three entries of two changes of five items each."""
    entries = []
    for entry in range(3):
        changes = []
        for change in range(2):
            place = f"{entry}{change}"
            messages = [
                text_message(f"52122200{place}0{n}", f"mensaje {place}{n}", f"wamid.{place}{n}", NOW) for n in range(5)
            ]
            metadata = {"display_phone_number": "525541234567", "phone_number_id": "223450000000002"}
            value = {"messaging_product": "whatsapp", "metadata": metadata, "messages": messages}
            changes.append({"field": "messages", "value": value})
        entries.append({"id": str(entry), "changes": changes})
    body = json.dumps({"object": "whatsapp_business_account", "entry": entries}).encode()

    async with embedded_hub(tmp_path / "data", database=database) as hub:
        assert await hub.push(body) == 200
        await hub.until(lambda: len(hub.books.events("message.received")) >= 30, "all heard")
        await hub.until(lambda: hub.books.count("tickets") == 30, "all ticketed")

    heard = [data for _, data in hub.books.events("message.received")]
    assert [data["text"] for data in heard] == [
        f"mensaje {e}{c}{n}" for e in range(3) for c in range(2) for n in range(5)
    ]
    assert len({data["message_id"] for data in heard}) == 30
    assert hub.books.rows("SELECT items, published, duplicate FROM deliveries") == [(30, 30, 0)]


@pytest.mark.feature("CI-02", part="whatsapp")
@pytest.mark.feature("NC-01", part="whatsapp")
async def test_an_unknown_kind_is_kept_with_its_raw_item(tmp_path: Path, database: str | None) -> None:
    strange = {
        "from": "5212221234567",
        "id": "wamid.new",
        "timestamp": str(NOW),
        "type": "hologram",
        "hologram": {"a": 1},
    }

    async with embedded_hub(tmp_path / "data", database=database) as hub:
        assert await hub.deliver(strange) == 200
        await hub.until(lambda: hub.books.events("message.unsupported"), "kept")

    ((_, data),) = hub.books.events("message.unsupported")
    assert data["provider_kind"] == "hologram"
    ((causation,),) = hub.books.rows("SELECT causation FROM events WHERE type = 'hub.message.unsupported.v1'")
    delivery, _, index = causation.partition("/")
    ((raw,),) = hub.books.rows("SELECT body FROM deliveries WHERE id = ?", delivery)
    message = json.loads(raw)["entry"][0]["changes"][0]["value"]["messages"][int(index)]
    assert message == strange


def _samples() -> list[bytes]:
    return [path.read_bytes() for path in sorted(SAMPLES.glob("*.json")) if not path.name.endswith(".events.json")]


@pytest.mark.feature("NC-02", part="whatsapp")
@pytest.mark.feature("NC-05", part="whatsapp")
async def test_one_envelope_one_key_a_conversation_one_id_a_fact(tmp_path: Path) -> None:
    bodies = _samples()
    found = []
    for life in ("one", "two"):
        async with embedded_hub(tmp_path / life) as hub:
            for body in bodies:
                assert await hub.push(body) == 200
            await hub.until(lambda: hub.books.count("deliveries") == len(bodies), "all ingested")
        found.append(hub.books.rows(
            "SELECT id, source, type, subject, key, actor, causation, data FROM events "
            "WHERE source LIKE '/whatsapp/%' ORDER BY position"
        ))  # fmt: skip
        for id_, source, type_, subject, key, actor, causation, data in found[-1]:
            model = data_model(type_)
            assert model is not None
            envelope: Any = CloudEvent.__class_getitem__(model)
            event = envelope.model_validate(
                {
                    "id": id_,
                    "source": source,
                    "type": type_,
                    "subject": subject,
                    "partitionkey": key,
                    "actor": actor,
                    "causation": causation,
                    "data": json.loads(data),
                    "dataschema": "urn:x",
                    "time": "2026-11-22T00:00:00Z",
                    "receivedat": "2026-11-22T00:00:00Z",
                }
            )
            # What is about no conversation has its own noun: an account of the channel, a contact.
            owner = getattr(event.data, "conversation_id", None)
            assert key == owner or (owner is None and key.split(":")[0] in {"channel", "contact"})

    assert {row[0] for row in found[0]} == {row[0] for row in found[1]}
    heard = [json.loads(row[7]) for row in found[0] if row[2] == "hub.message.received.v1"]
    by_contact: dict[tuple[str, str], set[str]] = {(data["contact_id"], data["asset"]): set() for data in heard}
    for data in heard:
        by_contact[data["contact_id"], data["asset"]].add(data["conversation_id"])
    assert all(len(keys) == 1 for keys in by_contact.values())
