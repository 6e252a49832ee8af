"""The simulator talks with this machine only, refuses wrong orders with the reason."""

from __future__ import annotations

from typing import Any

import pytest

from connectors._simulator import server
from connectors.whatsapp.simulator import SimulatorOptions
from hub.errors import Misconfigured
from hub.system import SystemClock
from tests.connectors.whatsapp.harness import PHONE, SeededRandomness, running


@pytest.mark.parametrize(
    "body", [{}, [], {"from": "", "text": "x"}, {"from": PHONE, "times": 0}, {"from": PHONE, "colour": "blue"}]
)
async def test_a_wrong_order_is_refused_with_the_reason(body: Any) -> None:
    async with running() as rig:
        answer = await rig.http.post(f"{rig.url}/control/say", json=body)

        assert answer.status_code == 400
        assert answer.json()["problems"]


@pytest.mark.parametrize(
    ("headers", "content"),
    [
        ({"host": "evil.example"}, b"{}"),
        ({"origin": "https://evil.example", "content-type": "application/json"}, b"{}"),
        ({"content-type": "text/plain"}, b'{"from":"+525587654321","text":"x"}'),
    ],
)
async def test_pages_of_others_reach_nothing(headers: dict[str, str], content: bytes) -> None:
    async with running() as rig:
        answer = await rig.http.post(f"{rig.url}/control/say", content=content, headers=headers)

        assert answer.status_code == 403
    assert rig.hub.accepted == []


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


@pytest.mark.parametrize(
    "given",
    [
        {"webhook_url": "https://graph.facebook.com/"},
        {"webhook_url": "http://10.0.0.1/"},
        {"webhook_url": "http://127.0.0.1.evil.example/"},
        {"host": "0.0.0.0"},  # noqa: S104 - must be refused
        {"host": ""},
    ],
)
def test_nothing_but_loopback_is_talked_to(given: dict[str, str]) -> None:
    address: dict[str, Any] = {"webhook_url": "http://127.0.0.1:8320/webhooks/whatsapp/sandbox", **given}

    with pytest.raises(Misconfigured):
        SimulatorOptions(
            app_secret=b"s",
            verify_token="v",
            access_token="t",
            clock=SystemClock(),
            randomness=SeededRandomness(),
            **address,
        )


async def test_a_taken_port_is_named() -> None:
    async with running() as rig:
        port = int(rig.url.rpartition(":")[2])
        with pytest.raises(Misconfigured, match="HUB_SIMULATOR_PORT"):
            await server.serve(rig.simulator.app, "127.0.0.1", port, lambda: None)
