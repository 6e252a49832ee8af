"""A hub spread over processes by role, on one database with one Kafka."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.audit import PostgresBooks
from tests.support.hub_process import QUICK, HubProcess, until
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
    """

    folder: Path
    database: str
    environment: Mapping[str, str]
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

    @property
    def books(self) -> PostgresBooks:
        """What the database says."""
        return PostgresBooks(self.database)

    def until_published(self, seconds: float = 30) -> None:
        """Return once subscribers have been sent everything."""
        left = "published_at IS NULL"
        until(lambda: self.books.count("events", left) == 0, "subscribers have everything", seconds)

    def _make(self, name: str) -> HubProcess:
        process = HubProcess(self.folder / name, self.environment, ("--role", ROLES[name]), WAITS)
        intake = self.processes.get("intake")
        if intake is not None:
            # Everybody reaches the one simulated provider.
            process.simulator_port = intake.simulator_port
        self.processes[name] = process
        return process


@contextlib.contextmanager
def a_fleet(folder: Path, database: str, kafka: KafkaPlace) -> Iterator[tuple[Fleet, SimulatedWhatsApp]]:
    """Prepare a fleet with its provider; nothing of it runs yet, whatever runs at the end is killed."""
    fleet = Fleet(folder, database, {})
    intake = fleet._make("intake")
    with simulated_whatsapp(folder / "provider", intake.simulator_port, intake.webhook_port) as whatsapp:
        fleet.environment = intake.environment = {
            **whatsapp.environment,
            **kafka.environment,
            "HUB_DATABASE_URL": database.replace("postgresql:", "postgresql+psycopg:"),
        }
        try:
            yield fleet, whatsapp
        finally:
            fleet.kill()
