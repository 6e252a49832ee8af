"""A backlog is drained in bounded memory; ``make backlog`` does it with 100,000 deliveries."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

MOST_MEGABYTES = 20


@pytest.mark.slow
def test_a_backlog_does_not_grow_memory() -> None:
    command = [sys.executable, "-m", "tests.benchmarks.ingest_backlog", "--deliveries", "3000"]

    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stderr[-2000:]
    figures = json.loads(done.stdout)
    assert figures["published"] == 3000
    assert figures["peak_megabytes"] - figures["idle_megabytes"] < MOST_MEGABYTES, figures
