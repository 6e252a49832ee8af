"""The one broker of a test run, whichever of its workers asks first."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest

from tests.support.kafka.absent import KafkaAbsent, give_up

_LONGEST_START_SECONDS: Final = 400.0
_ROOT: Final = Path(__file__).parents[3]


def shared_broker(factory: pytest.TempPathFactory) -> str:
    """Return the address of the run's broker, started for the first that asks; skip the test where there is none."""
    given = os.environ.get("HUB_TEST_KAFKA")
    if given:
        return given
    worker = os.environ.get("PYTEST_XDIST_WORKER") is not None
    # Workers of a run share the folder above their own; the process that started them is the run.
    folder = factory.getbasetemp().parent if worker else factory.getbasetemp()
    owner = os.getppid() if worker else os.getpid()
    try:
        return _ask(folder, owner)
    except KafkaAbsent as reason:
        give_up(str(reason))


def _ask(folder: Path, owner: int) -> str:
    answer = folder / "kafka.json"
    with (folder / "kafka.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not answer.exists():
            _begin(folder, owner, answer)
    told = json.loads(answer.read_text())
    if "absent" in told:
        raise KafkaAbsent(told["absent"])
    return f"127.0.0.1:{told['port']}"


def _begin(folder: Path, owner: int, answer: Path) -> None:
    command = [sys.executable, "-m", "tests.support.kafka.keeper", str(owner), str(answer)]
    with (folder / "kafka.log").open("ab") as log:
        # In a session of its own: it outlives the worker that asked first, never the run, whose process it watches.
        keeper = subprocess.Popen(
            command, cwd=_ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    deadline = time.monotonic() + _LONGEST_START_SECONDS
    while not answer.exists():
        if keeper.poll() is not None or time.monotonic() > deadline:
            msg = f"the broker's keeper ended: {(folder / 'kafka.log').read_text(errors='replace')[-400:]}"
            raise KafkaAbsent(msg)
        time.sleep(0.05)
    # Popen must not warn that it was left running: that is its purpose.
    keeper.returncode = 0
