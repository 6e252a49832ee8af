"""Processes of a group are killed for good: its work goes on as if nothing had been."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from tests.contracts.event_bus.embedded import EmbeddedWorkshop
from tests.contracts.event_bus.ledger import Ledger
from tests.contracts.event_bus.workshop import numbered

Live = Callable[[str, int, int], int]
KEYS = [f"key-{number}" for number in range(8)]


@pytest.fixture
async def workshop(tmp_path: Path) -> AsyncIterator[EmbeddedWorkshop]:
    place = EmbeddedWorkshop(tmp_path)
    yield place
    await place.close()


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    """Return what runs one life, to be killed at a point; it returns the exit code."""
    command = [sys.executable, "-m", "tests.pipeline.consumer.victim"]
    with (tmp_path / "victim.log").open("wb") as log:
        zygote = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=Path(__file__).parents[3],
            start_new_session=True,
        )
    assert zygote.stdin is not None
    assert zygote.stdout is not None
    ask, answer = zygote.stdin, zygote.stdout

    def one_life(point: str, count: int, seed: int) -> int:
        wanted = {"data": str(tmp_path), "point": point, "count": count, "seed": seed}
        ask.write(json.dumps(wanted).encode() + b"\n")
        ask.flush()
        said = answer.readline()
        assert said, (tmp_path / "victim.log").read_text()
        return int(said)

    try:
        yield one_life
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(zygote.pid, signal.SIGKILL)
        zygote.wait(10)
        ask.close()
        answer.close()


@pytest.mark.parametrize("seed", range(2))
async def test_a_group_that_is_killed_again_and_again_keeps_its_order(
    workshop: EmbeddedWorkshop, live: Live, seed: int
) -> None:
    chance = random.Random(seed)
    await workshop.open(Ledger().handler, bus=False)
    await workshop.state(*numbered(KEYS, 25))
    await workshop.close()

    ends = []
    for life in range(100):
        point = chance.choice(["consumer.before_commit", "consumer.committed"])
        # Never at the first event: killed three times with the same one in hand, it would be taken for the killer.
        ends.append(live(point, chance.randint(2, 12), seed * 100 + life))
        if ends[-1] == 0:
            break

    assert ends[-1] == 0, ends
    assert ends.count(-9) == len(ends) - 1 >= 4, ends
    await workshop.open(Ledger().handler, bus=False)
    assert await workshop.written() == {key: list(range(1, 26)) for key in KEYS}
    assert await workshop.letters() == []


async def test_an_event_that_kills_its_process_three_times_alone_is_quarantined(
    workshop: EmbeddedWorkshop, live: Live
) -> None:
    await workshop.open(Ledger().handler, bus=False)
    await workshop.state(("a", 1), ("killer", 1), ("b", 1), ("a", 2))
    await workshop.close()

    ends = [live("", 0, seed) for seed in range(5)]

    assert ends == [-9, -9, -9, -9, 0], "once among others, three times alone"
    await workshop.open(Ledger().handler, bus=False)
    (letter,) = await workshop.letters()
    assert (letter.key, letter.reason_class, letter.state) == ("killer", "poison", "open")
    assert await workshop.written() == {"a": [1, 2], "b": [1]}
