"""A hub spread over processes by role, on one database with one Kafka."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.audit import PostgresBooks
from tests.support.hub_process import QUICK, HubProcess, supervised, until
from tests.support.kafka import KafkaPlace
from tests.support.simulated_whatsapp import SimulatedWhatsApp, simulated_whatsapp

WAITS = {
    **QUICK,
    "HUB_WAITS__PUBLISH_RETRY_SECONDS": "0.2",
    "HUB_WAITS__PUBLISH_SECONDS": "5",
    "HUB_WAITS__KAFKA_SESSION_SECONDS": "3",
    "HUB_WAITS__KAFKA_LOOK_SECONDS": "0.3",
}
ROLES = {"intake": "intake", "worker-1": "worker", "worker-2": "worker", "effects": "effects", "console": "console"}


@dataclass
class Fleet:
    """Processes by name, each with a data directory of its own.

    Attributes:
        environment: What they have in common.
        waits: Waits that replace the shipped ones.
        program: What runs in place of the hub.
    """

    folder: Path
    database: str
    environment: Mapping[str, str]
    waits: Mapping[str, str] = field(default_factory=lambda: WAITS)
    program: tuple[str, ...] = (sys.executable, "-m", "hub")
    processes: dict[str, HubProcess] = field(default_factory=dict)

    def start(self, *names: str, wait: bool = True) -> None:
        """Begin a life of each."""
        for name in names:
            process = self.processes.get(name) or self._make(name)
            process.start(wait=False)
        for name in names if wait else ():
            self.processes[name].wait_ready()
            assert self.processes[name].alive, self.processes[name].log[-3000:]

    def stop(self) -> None:
        """Stop all that live, the intake first, cleanly."""
        for name, process in self.processes.items():
            if process.alive:
                assert process.stop() == 0, f"{name}: {process.log[-3000:]}"

    def kill(self) -> None:
        """End every life at once."""
        for process in self.processes.values():
            process.kill()

    def relay(self) -> str | None:
        """Return the process that sends to Kafka now, if there is one."""
        for name in ("worker-1", "worker-2"):
            with contextlib.suppress(OSError):
                if "\nhub_relay_active 1.0" in self.processes[name].get("/metrics"):
                    return name
        return None

    def supervised(self, role: str) -> int | None:
        """Return the process id of receiver or ingester under the intake, if it runs."""
        return supervised(self.processes["intake"]).get(role)

    @property
    def books(self) -> PostgresBooks:
        """What the database says."""
        return PostgresBooks(self.database)

    def until_published(self, seconds: float = 30) -> None:
        """Return once subscribers have been sent everything."""
        left = "published_at IS NULL"
        until(lambda: self.books.count("events", left) == 0, "subscribers have everything", seconds)

    def _make(self, name: str) -> HubProcess:
        process = HubProcess(self.folder / name, self.environment, ("--role", ROLES[name]), self.waits, self.program)
        intake = self.processes.get("intake")
        if intake is not None:
            # Everybody reaches the one simulated provider.
            process.simulator_port = intake.simulator_port
        self.processes[name] = process
        return process


@contextlib.contextmanager
def a_fleet(
    folder: Path,
    database: str,
    kafka: KafkaPlace,
    *,
    waits: Mapping[str, str] = WAITS,
    program: tuple[str, ...] = (sys.executable, "-m", "hub"),
    **provider: Any,
) -> Iterator[tuple[Fleet, SimulatedWhatsApp]]:
    """Prepare a fleet with its provider; nothing of it runs yet, whatever runs at the end is killed.

    Args:
        folder: Of every process, with its log.
        database: Its address.
        kafka: Where its Kafka is.
        waits: Waits that replace the shipped ones.
        program: What runs in place of the hub.
        provider: Options of the simulated provider.
    """
    fleet = Fleet(folder, database, {}, waits, program)
    intake = fleet._make("intake")
    place = folder / "provider", intake.simulator_port, intake.webhook_port
    with simulated_whatsapp(*place, **provider) as whatsapp:
        fleet.environment = intake.environment = {
            **whatsapp.environment,
            **kafka.environment,
            "HUB_DATABASE_URL": database.replace("postgresql:", "postgresql+psycopg:"),
        }
        try:
            yield fleet, whatsapp
        finally:
            fleet.kill()
