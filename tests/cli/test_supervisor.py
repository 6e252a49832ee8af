"""The intake as two supervised processes beside a worker: each may die alone."""

from __future__ import annotations

import os
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.audit import Books
from tests.support.hub_process import HubProcess, supervised, until
from tests.support.ports import free_ports
from tests.support.simulated_whatsapp import SimulatedWhatsApp, simulated_whatsapp


@pytest.fixture
def intake(tmp_path: Path) -> Iterator[HubProcess]:
    process = HubProcess(tmp_path / "data", arguments=("--role", "intake"))
    yield process
    if process.alive:
        process.stop()


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[HubProcess]:
    process = HubProcess(tmp_path / "data", arguments=("--role", "worker"))
    yield process
    process.kill()


@pytest.fixture
def whatsapp(intake: HubProcess, worker: HubProcess, tmp_path: Path) -> Iterator[SimulatedWhatsApp]:
    (port,) = free_ports(1)
    with simulated_whatsapp(tmp_path / "provider", port, intake.webhook_port) as simulated:
        intake.environment = worker.environment = simulated.environment
        yield simulated


def answers(process: HubProcess) -> bool:
    """Tell whether the public listener answers, even if only to say no."""
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{process.webhook_port}/webhooks/whatsapp/x", timeout=2)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


@pytest.mark.slow
def test_the_receiver_answers_while_the_workers_are_away(
    intake: HubProcess, worker: HubProcess, whatsapp: SimulatedWhatsApp
) -> None:
    """No worker runs, the ingester dies, the receiver dies: what was accepted comes to its end all the same."""
    books = Books(intake.data)
    # Its groups begin when they first join: from here on nothing may be passed over.
    worker.start()
    assert worker.stop() == 0
    intake.start()

    whatsapp.say("+52 222 123 4567", "Primero", id="wamid.1")
    until(lambda: books.count("events", "type = 'hub.message.received.v1'") == 1, "ingested without a worker")
    assert books.count("tickets") == 0

    before = supervised(intake)
    os.kill(before["ingester"], signal.SIGKILL)
    whatsapp.say("+52 222 123 4567", "Segundo", id="wamid.2")
    until(lambda: whatsapp.accepted() >= 2, "accepted while the ingester is away")
    until(lambda: books.count("events", "type = 'hub.message.received.v1'") == 2, "the ingester was started again")
    assert supervised(intake)["receiver"] == before["receiver"]

    os.kill(before["receiver"], signal.SIGKILL)
    until(lambda: answers(intake) and supervised(intake).get("receiver") not in {None, before["receiver"]}, "back")
    whatsapp.say("+52 222 123 4567", "Tercero", id="wamid.3")
    until(lambda: books.count("events", "type = 'hub.message.received.v1'") == 3, "the receiver was started again")

    worker.start()
    until(lambda: books.count("tickets") == 1, "the worker caught up")
    whatsapp.phone("+52 222 123 4567", after=0, wait_seconds=10)
    assert intake.stop() == 0
    assert not answers(intake)


def test_a_child_that_refuses_its_configuration_is_not_started_again(
    intake: HubProcess, whatsapp: SimulatedWhatsApp
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", intake.webhook_port))
        taken.listen()
        intake.start(wait=False)

        assert intake.wait_dead(30) == 2
    assert "the receiver refused its configuration" in intake.log
    assert f"port {intake.webhook_port}" in intake.log
    assert "Traceback" not in intake.log


@pytest.mark.slow
def test_its_processes_end_with_a_killed_supervisor(
    intake: HubProcess, worker: HubProcess, whatsapp: SimulatedWhatsApp
) -> None:
    intake.start()
    left = supervised(intake)

    intake.kill()

    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in left.values()), "both are gone")
    intake.start()
    assert answers(intake)


@pytest.mark.slow
@pytest.mark.parametrize("role", ["ingester", "worker", "effects"])
def test_a_start_that_waits_for_its_database_can_be_stopped(tmp_path: Path, role: str) -> None:
    closed = free_ports(2)
    environment = {
        "HUB_DATABASE_URL": f"postgresql+psycopg://hub@127.0.0.1:{closed[0]}/hub",
        "HUB_KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{closed[1]}",
        "HUB_KAFKA_REPLICATION": "1",
    }
    process = HubProcess(tmp_path / "data", environment, ("--role", role))
    process.start(wait=False)
    until(lambda: "the start waits for the database" in process.log, "it waits", seconds=60)

    assert process.stop() == 0, process.log
