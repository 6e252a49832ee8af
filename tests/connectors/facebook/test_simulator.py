"""The simulated page behaves as Meta's, misbehaves on demand, tells everything in its ledger."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from hub.contracts import Accepted
from tests.connectors.facebook.harness import ANA, PAGE, PSID, call, running
from tests.connectors.whatsapp.harness import PretendedHub

ALL = (("echo", 0.0), ("delivery", 0.01), ("read", 0.01))


def told(body: bytes) -> list[dict[str, Any]]:
    """Return what a webhook holds: items of chats, values of changes."""
    found = []
    for entry in json.loads(body)["entry"]:
        assert entry["id"] == PAGE
        found += entry.get("messaging", []) + entry.get("standby", [])
        found += [change["value"] for change in entry.get("changes", [])]
    return found


@pytest.mark.feature("DX-03", part="facebook")
async def test_what_a_customer_says_arrives_signed_as_meta_would() -> None:
    async with running() as rig:
        said = await rig.control("POST", "say", {"from": ANA, "text": "Errores con ñ / 😀"})
        (body,) = await rig.accepted(1)

    assert rig.hub.refused == 0
    assert rb"\u00f1 \/ \ud83d\ude00" in body
    (item,) = told(body)
    assert item["message"] == {"mid": said["ids"][0], "text": "Errores con ñ / 😀"}
    assert (item["sender"], item["recipient"]) == ({"id": PSID}, {"id": PAGE})
    assert (said["phone"], said["after"]) == (PSID, 1)


async def test_any_item_can_be_sent_also_in_standby() -> None:
    async with running() as rig:
        await rig.control("POST", "say", {"from": ANA, "event": "postback", "content": {"payload": "GET_STARTED"}})
        await rig.control("POST", "say", {"from": ANA, "text": "Hola", "standby": True})
        bodies = await rig.accepted(2)

    assert told(bodies[0])[0]["postback"]["payload"] == "GET_STARTED"
    assert "standby" in json.loads(bodies[1])["entry"][0]


async def test_a_comment_comes_from_another_id_than_the_chat() -> None:
    async with running() as rig:
        comment = await rig.control("POST", "comment", {"from": ANA, "text": "¿Precio?"})
        await rig.control("POST", "comment", {"from": ANA, "id": comment["id"], "verb": "remove"})
        added, removed = [told(body)[0] for body in await rig.accepted(2)]

    assert (added["item"], added["verb"], added["message"]) == ("comment", "add", "¿Precio?")
    assert added["from"]["id"] not in {PSID, PAGE}
    assert added["parent_id"] == added["post_id"]
    assert removed["verb"] == "remove"
    assert "message" not in removed


async def test_the_pages_own_comment_comes_back() -> None:
    async with running() as rig:
        comment = await rig.control("POST", "comment", {"from": ANA, "text": "¿Precio?"})
        sender = rig.sender()
        outcome = await sender.send(call(kind="comment_reply", reply_to={"comment_id": comment["id"]}))
        await sender.close()
        _, own = [told(body)[0] for body in await rig.accepted(2)]

    assert isinstance(outcome, Accepted)
    assert (own["comment_id"], own["parent_id"], own["from"]["id"]) == (outcome.provider_id, comment["id"], PAGE)


async def test_what_a_message_becomes_is_told_with_its_correlation() -> None:
    async with running(statuses=ALL) as rig:
        sender = rig.sender()
        outcome = await sender.send(call())
        await sender.close()
        echo, delivery, read = [told(body)[0] for body in await rig.accepted(3)]

    assert isinstance(outcome, Accepted)
    assert (echo["sender"]["id"], echo["recipient"]["id"]) == (PAGE, PSID)
    assert (echo["message"]["mid"], echo["message"]["metadata"]) == (outcome.provider_id, "ef_example01")
    assert echo["message"]["app_id"] == 456780000000004
    assert delivery["delivery"]["mids"] == [outcome.provider_id]
    assert "timestamp" not in delivery
    assert set(read["read"]) == {"watermark"}


async def test_the_echo_can_overtake_the_answer() -> None:
    async with running(statuses=ALL) as rig:
        await rig.control("POST", "faults", {"echo_first": True, "drop": ["read"], "without_mids": True})
        sender = rig.sender()
        sending = asyncio.create_task(sender.send(call()))
        (echo,) = await rig.accepted(1)
        assert not sending.done()
        outcome = await sending
        await sender.close()
        bodies = await rig.accepted(2)

    assert isinstance(outcome, Accepted)
    assert told(echo)[0]["message"]["mid"] == outcome.provider_id
    assert "mids" not in told(bodies[1])[0]["delivery"]


async def test_a_colleague_writes_in_the_pages_own_inbox() -> None:
    async with running() as rig:
        await rig.control("POST", "elsewhere", {"to": ANA, "text": "Le llamo en un momento"})
        (body,) = await rig.accepted(1)

    (item,) = told(body)
    assert item["message"]["is_echo"]
    assert "metadata" not in item["message"]


async def test_what_a_colleague_answers_below_a_comment_comes_back_on_the_feed() -> None:
    async with running() as rig:
        asked = await rig.control("POST", "comment", {"from": ANA, "text": "¿Precio?"})
        order = {"to": ANA, "text": "Le llamo", "comment": asked["id"]}
        made = await rig.control("POST", "elsewhere", order)
        answered = told((await rig.accepted(2))[1])[0]

    assert (answered["from"]["id"], answered["parent_id"]) == (PAGE, asked["id"])
    assert (answered["comment_id"], answered["message"]) == (made["id"], "Le llamo")


async def test_a_webhook_is_tried_until_it_is_taken() -> None:
    async with running(hub=PretendedHub(statuses=[503, 500, 503])) as rig:
        await rig.control("POST", "say", {"from": ANA, "text": "Hola"})
        await rig.accepted(1)
        await asyncio.sleep(0.2)

        attempts = [(entry["attempt"], entry["status"]) for entry in await rig.ledger("attempt")]
        assert attempts == [(1, 503), (2, 500), (3, 503), (4, 200)]


async def test_faults_batch_reorder_duplicate() -> None:
    async with running(hold_seconds=5) as rig:
        await rig.control("POST", "faults", {"batch": 2, "reorder": 2})
        for n in range(4):
            await rig.control("POST", "say", {"from": ANA, "text": str(n)})
        batches = [[item["message"]["text"] for item in told(body)] for body in await rig.accepted(2)]
        assert batches == [["2", "3"], ["0", "1"]]

        await rig.control("POST", "faults", {"duplicate": 2, "delay_ms": 10})
        await rig.control("POST", "say", {"from": ANA, "text": "4"})
        assert len(await rig.accepted(5)) == 5

        await rig.control("DELETE", "faults")
        assert (await rig.control("GET", "faults"))["duplicate"] == 0


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


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("say", {}),
        ("say", []),
        ("say", {"from": ANA, "times": 0}),
        ("say", {"from": ANA, "colour": "blue"}),
        ("comment", {"from": ANA, "verb": "like"}),
        ("elsewhere", {"to": ANA}),
        ("faults", {"colour": "blue"}),
    ],
)
async def test_a_wrong_order_is_refused_with_the_reason(path: str, body: Any) -> None:
    async with running() as rig:
        answer = await rig.http.post(f"{rig.url}/control/{path}", json=body)

        assert answer.status_code == 400
        assert answer.json()["problems"]


async def test_pages_of_others_reach_nothing() -> None:
    async with running() as rig:
        headers = {"origin": "https://evil.example", "content-type": "application/json"}
        answer = await rig.http.post(f"{rig.url}/control/say", content=b"{}", headers=headers)

        assert answer.status_code == 403


async def test_the_phone_page_is_plain_with_a_strict_policy() -> None:
    async with running() as rig:
        page = await rig.http.get(f"{rig.url}/")
        script = await rig.http.get(f"{rig.url}/static/phone.js")
        missing = await rig.http.get(f"{rig.url}/static/..%2Foptions.py")

    assert page.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
    assert 'lang="es-MX"' in page.text
    assert "<script>" not in page.text
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert missing.status_code == 404


@pytest.mark.feature("DX-03", part="facebook")
async def test_after_a_restart_nothing_is_forgotten(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    deaf = PretendedHub(statuses=[503] * 1000)
    async with running(ledger, hub=deaf) as rig:
        await rig.control("POST", "say", {"from": ANA, "text": "¿Hay alguien?"})
        comment = await rig.control("POST", "comment", {"from": ANA, "text": "¿Precio?"})
        sender = rig.sender()
        await sender.send(call())
        await sender.send(call(kind="private_reply", reply_to={"comment_id": comment["id"]}, effect_id="ef_2"))
        await sender.close()
    with ledger.open("ab") as file:
        file.write(b'{"kind":"said","ph')

    async with running(ledger, statuses=ALL) as rig:
        # Two sayings, then echo, delivery, read of each of the two messages.
        bodies = await rig.accepted(8)
        thread = await rig.control("GET", f"phones/{PSID}?direction=all")
        sender = rig.sender()
        again = await sender.send(call(kind="private_reply", reply_to={"comment_id": comment["id"]}))
        await sender.close()

    assert [line["text"] for line in thread["messages"]] == [
        "¿Hay alguien?",
        "¿Precio?",
        "Su folio es T-1042",
        "Su folio es T-1042",
    ]
    assert sum("message" in item and "is_echo" in str(item) for body in bodies for item in told(body)) == 2
    assert not isinstance(again, Accepted)
    assert ledger.stat().st_mode & 0o077 == 0
