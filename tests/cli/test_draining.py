"""A node is emptied while its hub runs, as two supervised processes or as one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.draining import Drain
from tests.support.audit import Books
from tests.support.hub_process import HubProcess, until
from tests.support.ports import free_ports
from tests.support.simulated_whatsapp import SimulatedWhatsApp, simulated_whatsapp

PHONE = "+52 222 123 4567"
DRAINED = "it takes nothing more"


@pytest.fixture(params=[("--role", "intake"), ()], ids=["intake", "all"])
def node(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[HubProcess]:
    process = HubProcess(tmp_path / "data", arguments=request.param)
    yield process
    process.kill()


@pytest.fixture
def whatsapp(node: HubProcess, tmp_path: Path) -> Iterator[SimulatedWhatsApp]:
    (port,) = free_ports(1)
    quick = {"retry_seconds": (0.2, 0.5)}
    with simulated_whatsapp(tmp_path / "provider", port, node.webhook_port, **quick) as simulated:
        node.environment = simulated.environment
        yield simulated


@pytest.mark.slow
def test_a_running_node_is_emptied_then_refuses_until_it_is_told_otherwise(
    node: HubProcess, whatsapp: SimulatedWhatsApp
) -> None:
    books = Books(node.data)
    # Only what is said here comes in.
    whatsapp.faults(drop_statuses=["sent", "delivered", "read"])
    node.start()
    for number in range(5):
        whatsapp.say(PHONE, f"Línea {number}")
    until(lambda: whatsapp.accepted() == 5, "accepted")

    drained = _hub(node, "drain", "--json")

    assert drained.returncode == 0, drained.stderr
    assert json.loads(drained.stdout)["running"] is True
    assert books.count("deliveries") == 5
    assert books.count("journals") == 0
    assert DRAINED in node.readiness()
    whatsapp.say(PHONE, "Para otro nodo")
    until(lambda: whatsapp.ledger(kind="attempt", status="503"), "the provider is told to come again")
    assert node.stop() == 0
    node.start(wait=False)
    until(lambda: DRAINED in _said(node), "it stays drained over a restart")
    assert books.count("journals") == 0

    assert _hub(node, "resume").returncode == 0

    until(lambda: not whatsapp.undelivered(), "the provider came again")
    until(lambda: books.count("deliveries") == 6, "it is ingested")
    until(lambda: books.count("journals") == 1, "it reports again")
    assert Drain(node.data).asked is None
    assert node.stop() == 0


def _said(node: HubProcess) -> str:
    try:
        return node.readiness()
    except (urllib.error.URLError, OSError):
        return ""


def _hub(node: HubProcess, *words: str) -> subprocess.CompletedProcess[Any]:
    return subprocess.run(
        [sys.executable, "-m", "hub", "intake", *words, "--data", str(node.data)],
        env={**os.environ, **node.environment, "HUB_LIMITS__DISK_FREE_BYTES": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
