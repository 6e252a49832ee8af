"""Forks hubs: a process that has imported everything once, so that a life costs milliseconds instead of seconds.

Lines of JSON on standard input, one answered by one: ``{"start": …}`` begins a life, answered by its pid;
``{"wait": pid}`` waits for a death, answered by the exit code, negative for a signal.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any, Final

from hub import discovery, killpoints
from hub.cli import starting
from hub.domain import business_time
from tests.reliability import storm_life
from tests.reliability.echo import echoing

_BROKE: Final = 70


def main() -> None:
    """Serve until standard input closes."""
    business_time.warm()
    discovery.connectors()
    for later in ("httpx", "uvicorn.protocols.http.httptools_impl", "uvicorn.lifespan.off", "hub.web.pages"):
        importlib.import_module(later)
    with echoing():
        gc.collect()
        gc.freeze()
        if threading.active_count() > 1:
            msg = "a fork takes no threads along: nothing imported here may start one"
            raise RuntimeError(msg)
        for line in sys.stdin:
            wanted: dict[str, Any] = json.loads(line)
            answer = _start(wanted["start"]) if "start" in wanted else _wait(wanted["wait"])
            sys.stdout.write(f"{answer}\n")
            sys.stdout.flush()


def _start(wanted: dict[str, Any]) -> int:
    pid = os.fork()
    if pid == 0:
        _live(wanted)
    return pid


def _wait(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _live(wanted: dict[str, Any]) -> None:
    """Be ``hub run``, or a life in a storm, in a process of its own; never returns."""
    try:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        os.umask(0o077)
        log = os.open(wanted["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for number, target in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(number, target)
        os.environ.update(wanted["environment"])
        killpoints.arm(wanted["kill_at"])
        if "storm" in wanted:
            storm_life.live(Path(wanted["data"]), wanted["storm"])
            os._exit(0)
        starting.start(Path(wanted["data"]), None, None, starting.Manner())
    except BaseException:  # noqa: BLE001 - nothing of the zygote may run on in its child
        sys.excepthook(*sys.exc_info())
        os._exit(_BROKE)
    os._exit(0)


if __name__ == "__main__":
    main()
