"""Kills what a hub at scale consists of: processes by role, whoever is the relay, broker, database."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from tests.support.fleet import Fleet
from tests.support.hub_process import until
from tests.support.kafka.broker import Broker
from tests.support.postgres_server import PostgresServer
from tests.support.simulated_whatsapp import SimulatedWhatsApp

T = TypeVar("T")

SUPERVISED: Final = ("receiver", "ingester")
SERVICES: Final = ("kafka", "postgresql")
PROCESSES: Final = ("intake", "worker-1", "worker-2", "effects")
VICTIMS: Final = (*PROCESSES, *SUPERVISED, "relay", *SERVICES)

_PATIENCE_SECONDS: Final = 60.0
_HELD_SECONDS: Final = 5.0
# The asset is a dead process's for as long as its lease, which outlasts its longest call.
_LEASE_SECONDS: Final = 30.0
_LONGEST_WORK_SECONDS: Final = 0.6
_READY_SHARE: Final = 0.75


@dataclass
class Reaper:
    """Ends lives by SIGKILL, PostgreSQL's by SIGQUIT; begins them again.

    Attributes:
        deaths: How often each has died; the relay beside the worker that it was.
    """

    fleet: Fleet
    broker: Broker
    server: PostgresServer
    whatsapp: SimulatedWhatsApp
    chance: random.Random
    deaths: Counter[str] = field(default_factory=Counter)
    _dead: list[str] = field(default_factory=list)

    def kill(self, victim: str, write: Callable[[], None]) -> None:
        """End a life at work, half the time of a service one more while it is away; ``write`` lets customers write."""
        if victim == "relay" or self.chance.random() < _READY_SHARE:
            self._wait_ready(victim)
        if victim == "effects" and self.chance.random() < 1 / 2:
            self._hold_a_call(write)
        write()
        time.sleep(self.chance.uniform(0, _LONGEST_WORK_SECONDS))
        self._kill(victim)
        if victim in SERVICES and self.chance.random() < 1 / 2:
            self._kill(self.chance.choice(PROCESSES + SUPERVISED))

    def revive(self) -> None:
        """Begin again what died; receiver with ingester are their supervisor's to start."""
        self.whatsapp.faults()
        for name in self._dead:
            if name == "kafka":
                # Not waited for: what dies next dies while it comes back.
                self.broker.start(wait=False)
            elif name == "postgresql":
                self.server.start()
            else:
                self.fleet.start(name, wait=False)
        self._dead.clear()

    def _kill(self, victim: str) -> None:
        if victim in SUPERVISED:
            os.kill(self._there(lambda: self.fleet.supervised(victim), victim), signal.SIGKILL)
        elif victim == "kafka":
            self.broker.kill()
            self._dead.append(victim)
        elif victim == "postgresql":
            self.server.stop(signal.SIGQUIT)
            self._dead.append(victim)
        else:
            name = self._there(self.fleet.relay, "a relay") if victim == "relay" else victim
            self.fleet.processes[name].kill()
            self._dead.append(name)
        self.deaths[victim] += 1

    def _wait_ready(self, victim: str) -> None:
        """Let a process come up before it is killed; on a busy machine each would die while it starts."""
        if victim in PROCESSES:
            self.fleet.processes[victim].wait_ready()
        elif victim == "kafka":
            self.broker.wait_ready()
        elif victim == "relay":
            # Whoever has only just become it has sent nothing yet.
            self._there(self.fleet.relay, "a relay")

    def _hold_a_call(self, write: Callable[[], None]) -> None:
        """Let the provider take a message without a word, now or later: whoever dies leaves a doubt."""
        held = {"do": "hang", "taken": True, "seconds": _HELD_SECONDS, "times": 4}
        self.whatsapp.faults(answers=[held], drop_statuses=["sent", "delivered", "read"])
        before = len(self.whatsapp.ledger(kind="send", taken="True"))
        write()
        # Whoever is held up by another death has nothing to hold.
        with contextlib.suppress(AssertionError):
            until(
                lambda: len(self.whatsapp.ledger(kind="send", taken="True")) > before, "a call is held", _LEASE_SECONDS
            )

    @staticmethod
    def _there(look: Callable[[], T | None], what: str) -> T:
        found: list[T] = []

        def is_there() -> bool:
            one = look()
            found.extend(() if one is None else (one,))
            return one is not None

        until(is_there, f"{what} is there to be killed", _PATIENCE_SECONDS)
        return found[-1]
