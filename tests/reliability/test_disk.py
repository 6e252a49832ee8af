"""A disk that is full, read-only or broken under the real process: 503, nothing lost, no hand needed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.audit import Books, problems, settled
from tests.support.disk_trial import Customers, trial
from tests.support.faulty_disk import CHANGES, SYNCS, WRITES, Fault, Supervised, failing, see
from tests.support.hub_process import HubProcess, until
from tests.support.power.recording import need_strace
from tests.support.running_hub import hub, whatsapp
from tests.support.simulated_whatsapp import SimulatedWhatsApp, simulated_whatsapp
from tests.support.small_disk import SmallDisk, small_disk

__all__ = ["hub", "whatsapp"]
pytestmark = pytest.mark.xdist_group("disk")

AGAIN_SECONDS = 30.0
_FULL = ("the journal cannot be written", "the disk is short")
"""Whichever is first: a write that fails, or the look at what is free."""
PROVIDER_SECONDS = 60.0
"""The simulated provider's longest pause between two attempts is 30 s."""


@pytest.mark.feature("OP-01")
@pytest.mark.parametrize(
    "fault",
    [Fault(SYNCS, "EIO", "3"), Fault(SYNCS, "EIO", "17"), Fault(WRITES, "EIO", "31"), Fault(WRITES, "ENOSPC", "12")],
    ids=lambda fault: f"{fault.calls}-{fault.error}-{fault.when}",
)
def test_one_call_that_fails_costs_nothing(fault: Fault, tmp_path: Path) -> None:
    """Every position up to the 200th: ``make torture-disk``."""
    need_strace()

    found = trial(tmp_path, fault)

    assert found.struck, "the fault never came"
    assert found.problems == []


@pytest.mark.feature("OP-01")
def test_a_commit_of_the_journal_that_is_not_synced_is_not_answered_200(tmp_path: Path) -> None:
    need_strace()

    found = trial(tmp_path, Fault(SYNCS, "EIO", "25"), "receiver")

    assert any(call.endswith(".segment-wal") for call in found.struck)
    assert found.refused > 0
    assert found.problems == []


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path) as disk:
        yield disk


@pytest.mark.feature("OP-01")
@pytest.mark.parametrize(
    "fault",
    [Fault(SYNCS, "EIO", "1+"), Fault(WRITES, "ENOSPC", "1+"), Fault(CHANGES, "EROFS", "1+")],
    ids=lambda fault: fault.error,
)
def test_while_the_disk_refuses_nobody_is_told_200(
    fault: Fault, hub: HubProcess, whatsapp: SimulatedWhatsApp, tmp_path: Path
) -> None:
    need_strace()
    customers = _at_work(hub, whatsapp)

    with failing(fault, hub, tmp_path / "trace"):
        customers.write(3)
        _is_honest(hub, whatsapp)
        accepted, refused = whatsapp.accepted(), _refusals(whatsapp)
        customers.write(3)
        until(lambda: _refusals(whatsapp) >= refused + 6, "refused again")
        assert whatsapp.accepted() == accepted

    _goes_on(hub, whatsapp, customers)


@pytest.mark.feature("OP-01")
@pytest.mark.parametrize("stops", [False, True], ids=["running", "stopped"])
def test_a_full_disk_is_waited_for(disk: SmallDisk, tmp_path: Path, *, stops: bool) -> None:
    hub = HubProcess(disk.path)
    with simulated_whatsapp(tmp_path / "provider", hub.simulator_port, hub.webhook_port) as whatsapp:
        hub.environment = whatsapp.environment
        try:
            customers = _at_work(hub, whatsapp)

            disk.fill()
            # What the last segment still had room for is taken, durably.
            while not _refusals(whatsapp):
                customers.write(1)
                until(lambda: _refusals(whatsapp) or not whatsapp.undelivered(), "answered")
            _is_honest(hub, whatsapp, *_FULL)
            if stops:
                assert hub.stop() == 0, hub.log[-3000:]
                hub.start(wait=False)
                until(lambda: not hub.alive or any(why in _said(hub) for why in _FULL), "begun without room")
            disk.free()

            _goes_on(hub, whatsapp, customers)
        finally:
            hub.kill()


def test_a_hub_whose_disk_became_read_only_loses_nothing(disk: SmallDisk, tmp_path: Path) -> None:
    hub = HubProcess(disk.path)
    with simulated_whatsapp(tmp_path / "provider", hub.simulator_port, hub.webhook_port) as whatsapp:
        hub.environment = whatsapp.environment
        try:
            customers = _at_work(hub, whatsapp)

            disk.break_down()
            customers.write(3)
            _is_honest(hub, whatsapp)
            accepted = whatsapp.accepted()
            hub.kill()

            disk.remount(",ro")
            hub.start()
            assert not hub.alive, "a hub on a read-only disk gives up"
            assert hub.wait_dead() != 0
            assert whatsapp.accepted() == accepted

            disk.remount()
            hub.start()
            _goes_on(hub, whatsapp, customers)
        finally:
            hub.kill()


def _at_work(hub: HubProcess, whatsapp: SimulatedWhatsApp) -> Customers:
    """Start a hub that has something to lose."""
    hub.start()
    assert hub.alive, hub.log[-3000:]
    customers = Customers(whatsapp)
    customers.write(4)
    until(lambda: settled(Books(hub.data), customers.said), "settled before the fault")
    return customers


def _is_honest(hub: HubProcess, whatsapp: SimulatedWhatsApp, *reasons: str) -> None:
    """The provider is refused, readiness says why, doctor says so in Spanish."""
    until(lambda: _refusals(whatsapp), "refused")
    see(hub, *(reasons or ("the journal cannot be written",)))
    if hub.alive:
        findings = {finding["check"]: finding for finding in _doctor(hub)}
        assert findings["running"]["level"] == "wrong"
        assert "no recibe" in findings["running"]["what_es"]


def _goes_on(hub: HubProcess, whatsapp: SimulatedWhatsApp, customers: Customers) -> None:
    """No hand but a supervisor's: all that was written is taken, done once."""
    supervised = Supervised(hub)
    until(lambda: supervised.alive() and _said(hub) == "ready", "ready again", AGAIN_SECONDS)
    until(lambda: supervised.alive() and not whatsapp.undelivered(), "accepted again", PROVIDER_SECONDS)
    customers.write(2)
    until(lambda: supervised.alive() and settled(Books(hub.data), customers.said), "settled", PROVIDER_SECONDS)
    assert problems(Books(hub.data), whatsapp, customers.said) == []
    assert hub.readiness() == "ready"
    assert hub.stop() == 0, hub.log[-3000:]


def _said(hub: HubProcess) -> str:
    try:
        return hub.readiness()
    except OSError:
        return ""


def _refusals(whatsapp: SimulatedWhatsApp) -> int:
    return sum(entry["status"] != 200 for entry in whatsapp.ledger(kind="attempt"))


def _doctor(hub: HubProcess) -> list[dict[str, str]]:
    environment = {**os.environ, **hub.environment, "HUB_PRIVATE_PORT": str(hub.private_port)}
    command = [sys.executable, "-m", "hub", "doctor", "--json", "--data", str(hub.data)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode != 0, ran.stdout
    findings: list[dict[str, str]] = json.loads(ran.stdout)["findings"]
    return findings
