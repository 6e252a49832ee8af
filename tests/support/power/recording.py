"""Records the disk of a real hub at work, through one life or several."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.hub_process import HubProcess, until
from tests.support.power.strace import CALLS
from tests.support.power.tape import Op, Tape
from tests.support.simulated_whatsapp import SimulatedWhatsApp, simulated_whatsapp

_TOOL: Final = "strace"
_PHONES: Final = 6
_LONGEST_WRITE: Final = 16 * 1024 * 1024
_FILE: Final = "recording.json"
_KILLED_AT_SYNC: Final = (4, 40)
_AFTER_CALLS: Final = 4
"""So many messages come when calls have been made: the disk goes on after what was said to providers."""


@dataclass(frozen=True)
class Recording:
    """What a hub asked of its disk while customers wrote to it."""

    folder: Path
    lives: int
    webhook_port: int
    provider_port: int
    environment: Mapping[str, str]

    @classmethod
    def load(cls, folder: Path) -> Recording:
        """Return a recording that was kept."""
        return cls(folder, **json.loads((folder / _FILE).read_text()))

    def save(self) -> None:
        """Keep what the traces do not say."""
        fields: dict[str, Any] = {name: value for name, value in asdict(self).items() if name != "folder"}
        (self.folder / _FILE).write_text(json.dumps(fields))

    @property
    def data(self) -> Path:
        """The data directory as the last life left it."""
        return self.folder / "data"

    @cached_property
    def ops(self) -> list[Op]:
        """Everything that happened, in order."""
        existing: set[str] = set()
        # The traces name the directory by its path at that time, which is not ours when the recording was moved.
        data = Path((self.folder / "data.path").read_text())
        lives = [
            Tape(self.folder / f"life-{number}.trace", data, self.webhook_port, self.provider_port)
            for number in range(1, self.lives + 1)
        ]
        return [op for life in lives for op in life.ops(existing)]


def need_strace() -> None:
    """Skip where strace is not to be had; fail where that would hide something."""
    if shutil.which(_TOOL) is not None:
        return
    message = "no strace on this machine: nobody can say what a power cut would leave (on Debian: apt install strace)"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


def traced(trace: Path, *options: str) -> tuple[str, ...]:
    """Return what runs a program under strace as our own child, strace aside."""
    return (_TOOL, "-D", "-f", "--seccomp-bpf", "-yy", "-o", str(trace), *options)


def record(folder: Path, *, way: str, seed: int, roles: tuple[str, ...] = ("all",), messages: int = 24) -> Recording:
    """Run a hub while customers write, one life for each role.

    Each life but the last ends cleanly where the seed is odd; where it is even by SIGKILL as a thread asks for a sync,
    so that the next life finds what was written, yet never synced. Segments are small, gone as soon as they are
    ingested, so that their end is part of the story as well.
    """
    folder.mkdir(parents=True)
    lives = len(roles)
    hub = HubProcess(folder / "data")
    (folder / "data.path").write_text(str(hub.data))
    with simulated_whatsapp(folder / "provider", hub.simulator_port, hub.webhook_port) as whatsapp:
        hub.environment = {
            **whatsapp.environment,
            "HUB_LIMITS__SEGMENT_BYTES": "20000",
            "HUB_LIMITS__SEGMENT_KEEP_SECONDS": "0",
        }
        found = Recording(folder, lives, hub.webhook_port, hub.simulator_port, dict(whatsapp.environment))
        found.save()
        chance = random.Random(seed)
        try:
            for life, role in enumerate(roles, 1):
                trace = folder / f"life-{life}.trace"
                options = ["-s", str(_LONGEST_WRITE), "-e", f"trace={CALLS}"]
                clean = life == lives or seed % 2 == 1
                if not clean:
                    options += ["-e", f"inject=fdatasync:signal=SIGKILL:when={chance.randint(*_KILLED_AT_SYNC)}"]
                hub.program = (*traced(trace, *options), sys.executable, "-m", "tests.support.power.careless_hub", way)
                hub.arguments = ("--role", role)
                hub.start()
                assert hub.alive or not clean, hub.log[-3000:]
                numbers = range((life - 1) * messages // lives, life * messages // lives)
                _live(hub, whatsapp, chance, numbers, sends=role == "all")
                if life < lives and hub.alive:
                    assert hub.stop() == 0, hub.log[-3000:]
                hub.kill()
                _await_end(hub, trace)
        finally:
            hub.kill()
    return found


def _live(hub: HubProcess, whatsapp: SimulatedWhatsApp, chance: random.Random, numbers: range, *, sends: bool) -> None:
    """Write messages until they are all accepted, or the hub is killed."""

    def taken() -> bool:
        return not hub.alive or not whatsapp.undelivered()

    def called() -> bool:
        # Not by a look into the database: whoever closes one last writes to it, which nobody would have recorded.
        return not hub.alive or bool(whatsapp.ledger(kind="send"))

    for number in numbers:
        if number == numbers[-_AFTER_CALLS] and sends:
            until(called, "customers called", seconds=40)
        phone = f"+52 222 777 {chance.randrange(_PHONES):04d}"
        # Some together, as Meta batches them; some long, so that a delivery spans pages of the journal.
        said = [
            {"from": phone, "text": f"{number} " + "x" * chance.choice([5, 50, 3000]), "id": f"w.{number}.{part}"}
            for part in range(chance.choice([1, 1, 1, 3]))
        ]
        whatsapp.say_all(said)
        if chance.random() < 0.4:
            until(taken, "accepted", seconds=40)
    until(taken, "everything accepted", seconds=40)


def _await_end(hub: HubProcess, trace: Path) -> None:
    """Wait for strace, which outlives the hub by a moment."""
    assert hub.process is not None
    last = re.compile(rb"^%d +\+\+\+" % hub.process.pid, re.MULTILINE)

    def ended() -> bool:
        with trace.open("rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - 400, 0))
            return last.search(file.read()) is not None

    until(ended, "the recording is whole")
