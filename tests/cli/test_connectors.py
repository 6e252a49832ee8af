"""A person at a terminal learns which field is missing, makes the subscription, sees it stand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.whatsapp.simulator.business import APP_ID
from tests.cli.conftest import Run
from tests.support.ports import free_ports
from tests.support.simulated_whatsapp import SimulatedWhatsApp, simulated_whatsapp

ADDRESS = "https://hub.example.com"


@pytest.fixture
def whatsapp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedWhatsApp]:
    """The provider, in the environment of every command."""
    port, webhooks = free_ports(2)
    with simulated_whatsapp(tmp_path / "provider", port, webhooks) as simulated:
        for name, value in simulated.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("HUB_WHATSAPP__SANDBOX__APP_ID", APP_ID)
        monkeypatch.setenv("HUB_WHATSAPP__SANDBOX__ACCOUNT", "123450000000001")
        monkeypatch.setenv("HUB_PUBLIC_URL", ADDRESS)
        monkeypatch.setenv("HUB_TRUSTED_PROXIES", "127.0.0.1")
        yield simulated


@pytest.mark.feature("CI-07")
def test_check_names_what_is_missing_with_the_next_step(hub: Run, whatsapp: SimulatedWhatsApp) -> None:
    whatsapp._call("/control/app", {"callback_url": f"{ADDRESS}/webhooks/whatsapp/sandbox", "fields": ["messages"]})

    ran = hub("connectors", "check", "whatsapp", "--json")
    shown = hub("connectors", "check")

    wrong = {one["check"]: one for one in ran.json["findings"] if one["level"] == "wrong"}
    assert (ran.code, shown.code) == (1, 1)
    assert set(wrong) == {"whatsapp.sandbox.webhook", "whatsapp.sandbox.subscribed:123450000000001"}
    assert "account_alerts" in wrong["whatsapp.sandbox.webhook"]["what_es"]
    assert "hub connectors subscribe" in wrong["whatsapp.sandbox.webhook"]["cure_es"]
    assert "✘ MAL" in shown.out
    assert whatsapp.environment["HUB_WHATSAPP__SANDBOX__ACCESS_TOKEN"] not in ran.out + ran.err + shown.out


def test_what_the_provider_refuses_is_told(hub: Run, whatsapp: SimulatedWhatsApp) -> None:
    # Nobody answers its question at that address.
    ran = hub("connectors", "subscribe", "whatsapp")

    assert ran.code == 1
    assert "error 2200" in ran.out


@pytest.mark.parametrize("address", ["http://hub.example.com", "https://127.0.0.1:8320", "https://hub.local"])
def test_an_address_that_no_provider_reaches_is_wrong(
    hub: Run, whatsapp: SimulatedWhatsApp, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("HUB_PUBLIC_URL", address)

    findings = hub("connectors", "check", "--json").json["findings"]

    assert [one["level"] for one in findings if one["check"] == "public_url"] == ["wrong"]


def test_without_an_address_or_credentials_it_says_which_knob(hub: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HUB_PUBLIC_URL", raising=False)
    unaddressed = hub("connectors", "subscribe", "whatsapp")
    monkeypatch.setenv("HUB_PUBLIC_URL", ADDRESS)
    unconfigured = hub("connectors", "subscribe", "whatsapp")
    unknown = hub("connectors", "check", "telex")

    assert (unaddressed.code, unconfigured.code, unknown.code) == (2, 2, 2)
    assert "HUB_PUBLIC_URL" in unaddressed.err
    assert "HUB_WHATSAPP__" in unconfigured.err
    assert "telex" in unknown.err
