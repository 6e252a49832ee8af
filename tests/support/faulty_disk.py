"""Makes the disk fail under a hub: its system calls come back with an error."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.support.hub_process import HubProcess, until
from tests.support.power.recording import traced

SYNCS: Final = "fsync,fdatasync"
WRITES: Final = "pwrite64"
CHANGES: Final = "pwrite64,ftruncate,fallocate,rename,unlink,mkdir,fsync,fdatasync"

_INJECTED: Final = re.compile(r"^\d+ +(?:<\.\.\. )?(\w+)(?: resumed>|\((?:\d+<([^>]*)>)?).*\(INJECTED\)", re.MULTILINE)
SOUND: Final = (sys.executable, "-m", "hub")


@dataclass(frozen=True)
class Fault:
    """Which calls fail, how; ``when`` counts the calls of each thread by itself, ``N+`` is every one from there on."""

    calls: str
    error: str
    when: str

    def options(self) -> tuple[str, ...]:
        """Return what strace is told."""
        return ("-e", f"trace={self.calls}", "-e", f"inject={self.calls}:error={self.error}:when={self.when}")


@dataclass
class Supervised:
    """A hub that is started again whenever it dies, as its supervisor would.

    Attributes:
        codes: How it ended, each time that it did so by itself.
    """

    hub: HubProcess
    codes: list[int] = field(default_factory=list)

    def alive(self) -> bool:
        """Start the hub again if it has died; always True, to stand in a condition."""
        if not self.hub.alive:
            self.codes.append(self.hub.wait_dead())
            assert self.codes[-1] != 0, f"a hub that gives up must not say that all is well\n{self.hub.log[-3000:]}"
            self.hub.program = SOUND
            self.hub.start()
        return True


def start_with(fault: Fault, hub: HubProcess, trace: Path) -> None:
    """Start a hub of which each thread meets the fault from its first call on; it may die of it before it is ready."""
    hub.program = (*traced(trace, *fault.options()), *SOUND)
    hub.start()


@contextlib.contextmanager
def failing(fault: Fault, hub: HubProcess, trace: Path) -> Iterator[None]:
    """Let a running hub meet the fault until the block ends."""
    assert hub.process is not None
    attach = ("strace", "-f", "-y", "-p", str(hub.process.pid), "-o", str(trace), *fault.options())
    with subprocess.Popen(attach, stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr is not None
        told = tracer.stderr.readline()
        assert "attached" in told, told
        try:
            yield
        finally:
            tracer.terminate()
            tracer.stderr.read()


def struck(trace: Path) -> list[str]:
    """Return what has failed so far, as call with file name."""
    if not trace.exists():
        return []
    found = _INJECTED.findall(trace.read_text(errors="replace"))
    return [f"{call} {os.path.basename(path)}" for call, path in found]  # noqa: PTH119 - a word of a line, no path


def see(hub: HubProcess, *words: str, seconds: float = 30.0) -> None:
    """Wait until the hub's readiness says one of the words, or nothing at all any more."""
    said = ""

    def says() -> bool:
        nonlocal said
        with contextlib.suppress(OSError):
            said = hub.readiness()
            return any(word in said for word in words)
        return not hub.alive

    try:
        until(says, f"readiness says one of {words}", seconds)
    except AssertionError as error:
        error.add_note(f"it said {said!r}\n{hub.log[-3000:]}")
        raise
