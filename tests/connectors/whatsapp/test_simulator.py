"""The simulated WhatsApp behaves as Meta's, misbehaves on demand, tells everything in its ledger."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from connectors.whatsapp import CONNECTOR
from hub.contracts import Accepted, Item, MessageItem, RawDelivery, StatusItem
from hub.system import SystemClock
from tests.connectors.whatsapp.harness import (
    NUMBER_ID,
    PHONE,
    PretendedHub,
    call,
    running,
)

BOTH = (("sent", 0.0), ("delivered", 0.01), ("read", 0.01))


def items(body: bytes) -> list[Item]:
    delivery = RawDelivery("dl_x", "whatsapp", "sandbox", SystemClock().now(), "POST", "/", {}, body)
    return list(CONNECTOR.normalize(delivery))


@pytest.mark.feature("DX-03", part="whatsapp")
async def test_what_a_customer_says_arrives_signed_as_meta_would() -> None:
    async with running() as rig:
        said = await rig.control(
            "POST", "say", {"from": "+52 222 123 4567", "name": "Ana", "text": "Errores con ñ / 😀"}
        )
        (body,) = await rig.accepted(1)

    assert rig.hub.refused == 0
    assert rb"\u00f1 \/ \ud83d\ude00" in body
    (item,) = items(body)
    assert isinstance(item, MessageItem)
    assert (item.provider_id, item.text, item.asset) == (said["ids"][0], "Errores con ñ / 😀", NUMBER_ID)
    assert item.party is not None
    assert item.party.reply_to == {"to": "5212221234567"}
    assert (said["phone"], said["after"]) == ("+522221234567", 1)


async def test_a_user_without_phone_can_speak() -> None:
    async with running() as rig:
        await rig.control("POST", "say", {"from": "MX.9753124680975312", "text": "Hola"})
        (body,) = await rig.accepted(1)

    (item,) = items(body)
    assert isinstance(item, MessageItem)
    assert item.party is not None
    assert item.party.reply_to == {"recipient": "MX.9753124680975312"}


async def test_other_kinds_can_be_said() -> None:
    async with running() as rig:
        await rig.control("POST", "say", {"from": PHONE, "type": "image", "content": {"image": {"id": "1"}}})
        (body,) = await rig.accepted(1)

    assert [item.kind for item in items(body) if isinstance(item, MessageItem)] == ["image"]


async def test_a_webhook_is_tried_until_it_is_taken() -> None:
    async with running(hub=PretendedHub(statuses=[503, 500, 503])) as rig:
        await rig.control("POST", "say", {"from": PHONE, "text": "Hola"})
        await rig.accepted(1)
        await asyncio.sleep(0.2)

        attempts = [(entry["attempt"], entry["status"]) for entry in await rig.ledger("attempt")]
        assert attempts == [(1, 503), (2, 500), (3, 503), (4, 200)]


async def test_the_same_message_can_be_sent_many_times() -> None:
    async with running() as rig:
        await rig.control("POST", "say", {"from": PHONE, "text": "Hola", "id": "wamid.SAME", "times": 5})
        bodies = await rig.accepted(5)

    assert len(set(bodies)) == 1


async def test_several_things_said_together_are_one_webhook() -> None:
    async with running() as rig:
        sayings = [{"from": f"+52 222 000 000{n}", "text": f"Mensaje {n}"} for n in range(5)]
        await rig.control("POST", "say", sayings)
        (body,) = await rig.accepted(1)

    assert [len(entry["changes"]) for entry in json.loads(body)["entry"]] == [2, 2, 1]
    assert len(items(body)) == 5


async def test_faults_batch_reorder_duplicate() -> None:
    async with running(hold_seconds=5) as rig:
        await rig.control("POST", "faults", {"batch": 2, "reorder": 2})
        for n in range(4):
            await rig.control("POST", "say", {"from": PHONE, "text": str(n)})
        batches = [
            [item.text for item in items(body) if isinstance(item, MessageItem)] for body in await rig.accepted(2)
        ]
        assert batches == [["2", "3"], ["0", "1"]]

        await rig.control("POST", "faults", {"duplicate": 2, "delay_ms": 10})
        await rig.control("POST", "say", {"from": PHONE, "text": "4"})
        assert len(await rig.accepted(5)) == 5

        await rig.control("DELETE", "faults")
        assert (await rig.control("GET", "faults"))["duplicate"] == 0


async def test_a_batch_that_does_not_fill_is_sent_all_the_same() -> None:
    async with running() as rig:
        await rig.control("POST", "faults", {"batch": 10, "reorder": 10})
        await rig.control("POST", "say", {"from": PHONE, "text": "sola"})

        assert len(await rig.accepted(1)) == 1


async def test_statuses_come_back_with_the_correlation() -> None:
    async with running(statuses=BOTH) as rig:
        sender = rig.sender()
        outcome = await sender.send(call())
        await sender.close()
        bodies = await rig.accepted(3)

    told = [item for body in bodies for item in items(body) if isinstance(item, StatusItem)]
    assert isinstance(outcome, Accepted)
    assert [(item.provider_id, item.status, item.correlation, item.recipient) for item in told] == [
        (outcome.provider_id, name, "ef_example01", PHONE) for name in ("sent", "delivered", "read")
    ]


async def test_statuses_can_be_dropped_or_fail() -> None:
    async with running(statuses=BOTH) as rig:
        sender = rig.sender()
        await rig.control("POST", "faults", {"drop_statuses": ["sent"], "fail_code": 131026})
        await sender.send(call())
        await sender.close()
        await rig.accepted(1)
        await asyncio.sleep(0.1)

    told = [item for body in rig.hub.accepted for item in items(body) if isinstance(item, StatusItem)]
    assert [(item.status, item.code) for item in told] == [("failed", "131026")]


async def test_a_message_taken_before_the_cut_still_gets_its_statuses() -> None:
    async with running(statuses=BOTH) as rig:
        await rig.control("POST", "faults", {"answers": [{"do": "cut_after"}]})
        sender = rig.sender()
        await sender.send(call())
        await sender.close()

        assert len(await rig.accepted(3)) == 3


async def test_every_send_of_an_effect_shows_in_the_ledger() -> None:
    async with running() as rig:
        sender = rig.sender()
        for effect in ("ef_a", "ef_b", "ef_a"):
            await sender.send(call(effect_id=effect))
        await sender.close()

        doubles = (await rig.control("GET", "ledger?kind=send&effect=ef_a&taken=True"))["entries"]
        assert len(doubles) == 2


async def test_a_phone_is_told_of_a_message_the_moment_it_comes() -> None:
    async with running() as rig:
        waiting = asyncio.create_task(rig.control("GET", f"phones/{PHONE}?wait_seconds=5&after=0"))
        await asyncio.sleep(0.05)
        sender = rig.sender()
        await sender.send(call())
        await sender.close()

        assert [line["text"] for line in (await waiting)["messages"]] == ["Su folio es T-1042"]
        late = await rig.control("GET", f"phones/{PHONE}?wait_seconds=0.05&after=1")
        assert late["messages"] == []


async def test_the_address_is_checked_as_meta_does() -> None:
    async with running() as rig:
        assert await rig.control("POST", "verify", {}) == {"status": 200, "verified": True}


async def test_any_bytes_can_be_signed() -> None:
    async with running() as rig:
        answer = await rig.http.post(
            f"{rig.url}/control/send", content=b"no json \xff", headers={"content-type": "application/json"}
        )
        assert answer.status_code == 200

        assert await rig.accepted(1) == [b"no json \xff"]


@pytest.mark.feature("DX-03", part="whatsapp")
async def test_after_a_restart_nothing_is_forgotten(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    deaf = PretendedHub(statuses=[503] * 1000)
    async with running(ledger, hub=deaf) as rig:
        await rig.control("POST", "say", {"from": PHONE, "text": "¿Hay alguien?"})
        sender = rig.sender()
        await sender.send(call())
        await sender.close()
    with ledger.open("ab") as file:
        file.write(b'{"kind":"said","ph')

    async with running(ledger, statuses=BOTH) as rig:
        bodies = await rig.accepted(4)
        thread = await rig.control("GET", f"phones/{PHONE}?direction=all")

    assert [line["text"] for line in thread["messages"]] == ["¿Hay alguien?", "Su folio es T-1042"]
    found = [item for body in bodies for item in items(body)]
    assert [item.text for item in found if isinstance(item, MessageItem)] == ["¿Hay alguien?"]
    assert [item.status for item in found if isinstance(item, StatusItem)] == ["sent", "delivered", "read"]
    assert ledger.stat().st_mode & 0o077 == 0
