"""One hub, one fault of its disk: customers write on, then the books are held against what they said."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.support.audit import Books, problems, settled
from tests.support.faulty_disk import SOUND, Fault, Supervised, start_with, struck
from tests.support.hub_process import HubProcess, until
from tests.support.simulated_whatsapp import SimulatedWhatsApp, simulated_whatsapp

_MOST_MESSAGES: Final = 240
_AFTER: Final = 5
_SECONDS: Final = 60.0


@dataclass
class Trial:
    """What came of it.

    Attributes:
        struck: Which calls failed, on what.
        codes: How the process ended each time that it gave up.
        refused: How often a provider was told anything but 200.
        problems: Every breach of the promise.
    """

    struck: list[str] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    refused: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass
class Customers:
    """People who write one message each, so that retries of the provider change no order."""

    whatsapp: SimulatedWhatsApp
    said: dict[str, list[str]] = field(default_factory=dict)

    def write(self, count: int) -> None:
        """Let so many more people write."""
        for _ in range(count):
            phone = f"+52 222 6{len(self.said) // 10000:02d} {len(self.said) % 10000:04d}"
            self.said[phone] = [f"hola {len(self.said)}"]
            self.whatsapp.say(phone, self.said[phone][0], id=f"wamid.{len(self.said)}")


def trial(folder: Path, fault: Fault, role: str = "all") -> Trial:
    """Start a hub with the fault, write until it has struck and for a little longer; no hand but a supervisor's.

    A receiver writes to the journal alone; what it took, a whole hub works off in the end.
    """
    found = Trial()
    hub, trace = HubProcess(folder / "data", arguments=("--role", role)), folder / "trace"
    with simulated_whatsapp(folder / "provider", hub.simulator_port, hub.webhook_port) as whatsapp:
        hub.environment = whatsapp.environment
        supervised, customers = Supervised(hub), Customers(whatsapp)
        try:
            start_with(fault, hub, trace)
            while supervised.alive() and not struck(trace) and len(customers.said) < _MOST_MESSAGES:
                customers.write(1)
                until(lambda: supervised.alive() and not whatsapp.undelivered(), "accepted", _SECONDS)
            customers.write(_AFTER)
            until(lambda: supervised.alive() and not whatsapp.undelivered(), "accepted after the fault", _SECONDS)
            if role != "all":
                if hub.stop() != 0:
                    found.problems.append(f"no clean stop: {hub.log[-2000:]}")
                hub.arguments, hub.program = (), SOUND
                hub.start()
            books = Books(hub.data)
            until(lambda: supervised.alive() and settled(books, customers.said), "settled after the fault", _SECONDS)
            found.problems += problems(books, whatsapp, customers.said)
            found.refused = sum(entry["status"] != 200 for entry in whatsapp.ledger(kind="attempt"))
            if hub.stop() != 0:
                found.problems.append(f"no clean stop: {hub.log[-2000:]}")
        finally:
            hub.kill()
    found.struck, found.codes = struck(trace), supervised.codes
    return found
