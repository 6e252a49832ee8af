"""From a shipped file to an approved template that a reply may use, by the commands that people run."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.support.ports import free_ports
from tests.support.simulated_whatsapp import SimulatedWhatsApp, simulated_whatsapp


@pytest.fixture
def whatsapp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedWhatsApp]:
    """A WhatsApp that the commands reach by their environment."""
    port, hub_port = free_ports(2)
    with simulated_whatsapp(tmp_path / "simulator", port, hub_port) as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running


def review(whatsapp: SimulatedWhatsApp, name: str) -> None:
    """Let Meta approve a template."""
    asked = json.dumps({"name": name, "status": "APPROVED"}).encode()
    request = urllib.request.Request(whatsapp.base + "/control/templates", asked, {"content-type": "application/json"})  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback
        assert answer.status == 200


@pytest.mark.feature("CO-01", part="whatsapp")
@pytest.mark.usefixtures("with_a_ticket")
def test_templates_are_planned_submitted_once_then_approved(hub: Run, whatsapp: SimulatedWhatsApp) -> None:
    planned = hub("connectors", "templates", "plan", "--json")
    assert (planned.code, {one["state"] for one in planned.json}) == (1, {"missing"})
    assert hub("connectors", "templates", "submit").code == 1
    assert whatsapp.ledger(kind="template") == []

    submitted = hub("connectors", "templates", "submit", "--yes", "--json")
    assert (submitted.code, {one["state"] for one in submitted.json}) == (0, {"pending"}), submitted.err
    assert hub("connectors", "templates", "submit", "--yes").code == 0
    assert len(whatsapp.ledger(kind="template")) == len(submitted.json) == 8

    for one in submitted.json[1:]:
        review(whatsapp, one["name"])
    late = hub("connectors", "templates", "status")
    assert late.code == 1
    assert f"Without an approved template: {submitted.json[0]['intent']}." in late.out
    review(whatsapp, submitted.json[0]["name"])
    assert hub("connectors", "templates", "status").code == 0


@pytest.mark.usefixtures("with_a_ticket")
def test_without_an_account_the_knob_is_named(hub: Run) -> None:
    ran = hub("connectors", "templates", "plan")

    assert ran.code == 2
    assert "HUB_WHATSAPP__<APP>__ACCOUNT" in ran.err


@pytest.mark.feature("CO-02")
@pytest.mark.usefixtures("with_a_ticket")
def test_conversations_tell_the_time_left(hub: Run) -> None:
    (one,) = hub("conversations", "list", "--json").json

    assert (one["channel"], one["name"], one["waits"]) == ("whatsapp", "Ana Torres", True)
    assert 23 * 3600 < one["seconds_left"] <= 24 * 3600
    assert "h" in hub("conversations", "list").out
    assert hub("tickets", "show", "T-1001", "--json").json["window"]["conversation_id"] == one["conversation_id"]
