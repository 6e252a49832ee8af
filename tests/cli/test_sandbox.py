"""The sandbox as a person uses it: real processes, real sockets."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub import discovery
from tests.support.hub_process import HubProcess, until
from tests.support.ports import free_row

TEXT = "Todas las facturas salen con errores"


class Person:
    """Somebody at a terminal beside a hub."""

    def __init__(self, hub: HubProcess) -> None:
        """Use the hub's ports with its data."""
        self.environment = {
            **os.environ,
            "HUB_WEBHOOK_PORT": str(hub.webhook_port),
            "HUB_PRIVATE_PORT": str(hub.private_port),
            "HUB_SIMULATOR_PORT": str(hub.simulator_port),
            "HUB_DATA": str(hub.data),
            "HUB_LIMITS__DISK_FREE_BYTES": "1",
        }

    def types(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command."""
        command = [sys.executable, "-m", "hub", *words]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False, timeout=60)

    def json(self, *words: str) -> Any:
        """Return what a command prints that must go well."""
        ran = self.types(*words, "--json")
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    def starts(self, *words: str) -> subprocess.Popen[str]:
        """Start a command that goes on until it is stopped."""
        command = [sys.executable, "-m", "hub", *words]
        return subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubProcess]:
    process = HubProcess(tmp_path / "data", arguments=("--sandbox",))
    # One port each for every simulator.
    process.simulator_port = free_row(len(discovery.connectors()))
    yield process
    process.kill()


def say(person: Person, *more: str) -> Any:
    return person.json("sandbox", "say", "whatsapp", TEXT, "--from", "+52 222 123 4567", "--name", "Ana Torres", *more)


@pytest.mark.slow
def test_a_customer_speaks_and_is_answered(hub: HubProcess) -> None:
    hub.start()
    person = Person(hub)

    heard = say(person, "--wait")
    again = say(person, "--id", heard["ids"][0], "--times", "5")

    assert heard["replies"][0]["text"].startswith("Hola Ana, gracias por escribir a Soporte Exsim.")
    assert heard["phone"] == "+522221234567"
    assert again["ids"] == heard["ids"]
    until(lambda: person.json("balance")["items"]["duplicate"] == 5, "five duplicates ingested")
    assert [ticket["title"] for ticket in person.json("tickets", "list")] == [TEXT]
    doctor = person.types("doctor", "--json")
    running = [one for one in json.loads(doctor.stdout)["findings"] if one["check"] == "running"]
    assert [one["level"] for one in running] == ["ok"], doctor.stdout


@pytest.mark.slow
def test_each_channel_has_a_simulator_of_its_own(hub: HubProcess) -> None:
    hub.start()
    person = Person(hub)

    chat = person.json("sandbox", "say", "facebook", TEXT, "--from", "Ana Torres", "--wait")
    phone = say(person, "--wait")

    assert chat["replies"][0]["text"].startswith("Hola, gracias por escribir a Soporte Exsim.")
    assert phone["replies"][0]["text"].startswith("Hola Ana, gracias por escribir a Soporte Exsim.")
    assert len(person.json("tickets", "list")) == 2


def test_without_a_simulator_a_sentence_says_so(hub: HubProcess) -> None:
    person = Person(hub)

    ran = person.types("sandbox", "say", "whatsapp", TEXT, "--from", "+52 222 123 4567")

    assert (ran.returncode, ran.stdout) == (1, "")
    port = hub.simulator_port + sorted(discovery.connectors()).index("whatsapp")
    assert ran.stderr.startswith(f"no whatsapp simulator answers on port {port}; start one with hub run")
    assert person.types("sandbox", "say", "fax", TEXT, "--from", "1").returncode == 2


@pytest.mark.slow
def test_simulators_run_apart_from_the_hub(hub: HubProcess) -> None:
    person = Person(hub)
    simulators = person.starts("sandbox", "serve")
    try:
        assert simulators.stdout is not None
        assert simulators.stdout.readline() == "The simulators are ready.\n"
        # Nobody listens yet: the simulator brings the webhook again until the hub is there.
        said = say(person)
        hub.arguments = ("--sandbox", "--simulators-elsewhere")
        hub.start()
        until(lambda: len(person.json("tickets", "list")) == 1, "the ticket is open")
        hub.kill()
        hub.start()
        heard = person.types("sandbox", "say", "whatsapp", "¿Siguen ahí?", "--from", said["phone"])

        assert heard.returncode == 0
        until(lambda: person.json("balance")["items"]["published"] >= 2, "both ingested")
        assert len(person.json("tickets", "list")) == 1
    finally:
        simulators.send_signal(signal.SIGTERM)
        assert simulators.wait(20) == 0
        simulators.communicate()


@pytest.mark.slow
def test_the_tail_goes_on_with_what_happens_next(hub: HubProcess) -> None:
    hub.start()
    person = Person(hub)
    tail = person.starts("events", "tail", "--follow", "--json", "--type", "hub.ticket.")
    try:
        say(person, "--wait")
        assert tail.stdout is not None
        event = json.loads(tail.stdout.readline())
    finally:
        tail.terminate()
        tail.communicate(timeout=20)

    assert (event["type"], event["data"]["folio"]) == ("hub.ticket.opened.v1", "T-1001")
    assert TEXT not in json.dumps(event, ensure_ascii=False)
