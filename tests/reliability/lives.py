"""Runs the hub as forks of one warm process: the same code on real files with real sockets, several lives a second."""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hub.killpoints import VARIABLE
from tests.support.hub_process import HubProcess, Process, die_with_us


class Zygote:
    """Speaks to ``tests.reliability.zygote``."""

    def __init__(self) -> None:
        """Start it; it ends with this process."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.reliability.zygote"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=die_with_us,  # noqa: PLW1509 - as of HubProcess
        )

    def ask(self, **question: Any) -> int:
        """Return the answer to one question."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


@functools.cache
def zygote() -> Zygote:
    """Return this process's own."""
    made = Zygote()
    atexit.register(made.close)
    return made


class ForkedProcess:
    """A child of the zygote, held by a descriptor that never means another process."""

    def __init__(self, parent: Zygote, pid: int) -> None:
        """Hold a process that was just forked; its parent has not waited for it, so the id is still its own."""
        self._parent = parent
        self._descriptor = os.pidfd_open(pid)
        self._code: int | None = None
        self.pid = pid

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code once it has ended.

        Raises:
            TimeoutError: It did not in time.
        """
        code = self._look(timeout)
        if code is None:
            msg = f"the process {self.pid} runs after {timeout:g} s"
            raise TimeoutError(msg)
        return code

    def send_signal(self, sig: int) -> None:
        """Send a signal, unless it has ended."""
        if self._code is None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, sig)

    def kill(self) -> None:
        """Send SIGKILL, unless it has ended."""
        self.send_signal(signal.SIGKILL)

    def _look(self, seconds: float | None) -> int | None:
        if self._code is None and select.select([self._descriptor], [], [], seconds)[0]:
            self._code = self._parent.ask(wait=self.pid)
            os.close(self._descriptor)
        return self._code


@dataclass
class ForkedHub(HubProcess):
    """A hub whose lives are forks of this process's zygote."""

    def spawn(self, environment: Mapping[str, str]) -> Process:
        """Fork a life."""
        added = dict(environment)
        wanted = {
            "kill_at": added.pop(VARIABLE, ""),
            "environment": added,
            "data": str(self.data),
            "log": str(self.log_file),
        }
        return ForkedProcess(zygote(), zygote().ask(start=wanted))
