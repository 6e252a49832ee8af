"""Sends signed requests by wrk, where it is installed: it takes less of the machine than a client of our own."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from tests.benchmarks.bodies import requests

_CONNECTIONS: Final = 64
_DISTINCT: Final = 2000
_SCRIPT: Final = Path(__file__).with_suffix(".lua")


def is_installed() -> bool:
    """Tell whether wrk is there."""
    return shutil.which("wrk") is not None


def sending(folder: Path, port: int, seconds: float) -> Callable[[], Mapping[str, Any]]:
    """Sign requests; return what sends them over 64 connections for about so long, then tells what it measured."""
    file = folder / "wrk.requests"
    file.write_bytes(b"".join(b"%d\n%b" % (len(one), one) for one in requests(0, _DISTINCT)))
    command = [
        "wrk",
        "--threads=1",
        f"--connections={_CONNECTIONS}",
        # Whole seconds are all it knows.
        f"--duration={max(1, round(seconds))}s",
        f"--script={_SCRIPT}",
        f"http://127.0.0.1:{port}",
        str(file),
    ]

    def send() -> Mapping[str, Any]:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60 + seconds)
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        if found["broken"]:
            msg = f"{found['broken']} requests of wrk got no answer"
            raise TimeoutError(msg)
        found["statuses"] = {"200": found["answered"] - found["refused"]}
        if found["refused"]:
            found["statuses"]["refused"] = found["refused"]
        return found

    return send
