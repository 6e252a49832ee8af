"""Runs the hub as the real process, to be killed at will."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from hub.killpoints import VARIABLE
from tests.support.ports import free_ports

_READY_SECONDS = 60.0

# Every wait that a test would otherwise sit through.
QUICK = {
    "HUB_WAITS__DOUBT_SECONDS": "1",
    "HUB_WAITS__SWEEP_INTERVAL_SECONDS": "1",
    "HUB_WAITS__SWEEP_AGE_SECONDS": "0",
    "HUB_WAITS__EVENT_RETRY_SECONDS": "0.2,0.4,0.8",
    "HUB_WAITS__PROVIDER_RETRY_SECONDS": "0.2,0.4,0.8",
    "HUB_WAITS__LEASE_SECONDS": "5",
    "HUB_WAITS__REPORT_SECONDS": "0.5",
    "HUB_LIMITS__DISK_FREE_BYTES": "1",
}


class Process(Protocol):
    """What a life needs of ``subprocess.Popen``."""

    @property
    def pid(self) -> int:
        """Return the process id."""
        ...

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""
        ...

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code once it has ended."""
        ...

    def send_signal(self, sig: int) -> None:
        """Send a signal, unless it has ended."""
        ...

    def kill(self) -> None:
        """Send SIGKILL, unless it has ended."""
        ...


@dataclass
class HubProcess:
    """One data directory with the hub that runs on it, through any number of lives."""

    data: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    waits: Mapping[str, str] = field(default_factory=lambda: QUICK)
    program: tuple[str, ...] = (sys.executable, "-m", "hub")
    descriptors: int | None = None

    def __post_init__(self) -> None:
        """Choose ports for all its lives."""
        self.webhook_port, self.private_port, self.simulator_port = free_ports(3)
        self.process: Process | None = None
        self.lives = 0
        self.log_file = self.data.parent / f"{self.data.name}.log"
        self._began_at = 0

    def start(self, *, kill_at: str | None = None, wait: bool = True) -> None:
        """Begin a life; with ``kill_at`` it ends by SIGKILL at that point."""
        environment = {
            **self.waits,
            "HUB_WEBHOOK_PORT": str(self.webhook_port),
            "HUB_PRIVATE_PORT": str(self.private_port),
            "HUB_SIMULATOR_PORT": str(self.simulator_port),
            **self.environment,
        }
        if kill_at is not None:
            environment[VARIABLE] = kill_at
        self.data.parent.mkdir(parents=True, exist_ok=True)
        self.log_file.touch()
        self._began_at = self.log_file.stat().st_size
        self.process = self.spawn(environment)
        self.lives += 1
        if wait:
            self.wait_ready()

    def spawn(self, environment: Mapping[str, str]) -> Process:
        """Begin a process with this added to the environment."""
        command = [*self.program, "run", "--data", str(self.data), *self.arguments]
        with self.log_file.open("ab") as log:
            # Between fork and exec the child does nothing but ask the kernel for two things.
            return subprocess.Popen(
                command,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=self._begin,  # noqa: PLW1509
            )

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command on the hub's own settings."""
        return subprocess.run(
            [sys.executable, "-m", "hub", *words, "--data", str(self.data)],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def wait_ready(self) -> None:
        """Return once the hub takes deliveries, or has died."""
        until(self._is_ready_or_dead, "the hub is ready", seconds=_READY_SECONDS)

    def wait_dead(self, seconds: float = 20.0) -> int:
        """Return the exit code once the process has ended."""
        assert self.process is not None
        return self.process.wait(seconds)

    def kill(self) -> None:
        """End this life at once."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop(self, seconds: float = 30.0) -> int:
        """Ask the process to end, then return its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    @property
    def alive(self) -> bool:
        """Whether this life goes on."""
        return self.process is not None and self.process.poll() is None

    @property
    def log(self) -> str:
        """What all lives have printed."""
        return self.log_file.read_text(errors="replace")

    @property
    def said_ready(self) -> bool:
        """Whether this life has printed that it is ready."""
        with self.log_file.open("rb") as log:
            log.seek(self._began_at)
            return b"The hub is ready" in log.read()

    def resident_megabytes(self) -> float:
        """Return how much memory the process has in hand."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def get(self, path: str) -> str:
        """Return a page of the private listener."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.private_port}{path}", timeout=5) as answer:
            return str(answer.read().decode())

    def readiness(self) -> str:
        """Return what the hub says of itself, ready or not.

        Raises:
            OSError: It says nothing.
        """
        try:
            return self.get("/readyz")
        except urllib.error.HTTPError as answer:
            return str(answer.read().decode())

    def _begin(self) -> None:
        if self.descriptors is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.descriptors, self.descriptors))
        die_with_us()

    def _is_ready_or_dead(self) -> bool:
        if not self.alive:
            return True
        try:
            return self.get("/readyz") == "ready"
        except (urllib.error.URLError, OSError):
            return False


def supervised(process: HubProcess) -> dict[str, int]:
    """Return the process ids under a supervisor by role."""
    assert process.process is not None
    found = subprocess.run(
        ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(process.process.pid)],
        check=False,
        capture_output=True,
        text=True,
    )
    roles = {}
    for line in found.stdout.splitlines():
        pid, *words = line.split()
        if "--role" in words:
            roles[words[words.index("--role") + 1]] = int(pid)
    return roles


def until(condition: Callable[[], object], what: str, seconds: float = 20.0) -> None:
    """Return when a condition holds.

    Raises:
        AssertionError: It did not in time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            msg = f"not within {seconds:g} s: {what}"
            raise AssertionError(msg)
        time.sleep(0.02)


def die_with_us() -> None:
    """Ask the kernel to end this process with the thread that started it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
