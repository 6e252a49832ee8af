"""Kills one hub over again under traffic until it may come to rest, then judges what is left."""

from __future__ import annotations

import random
import shutil
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.reliability.crowd import Crowd
from tests.reliability.deaths import Death, plan
from tests.reliability.lives import ForkedHub
from tests.reliability.verdict import DUE, WARNED, Evidence, Verdict, judge
from tests.support.audit import Books
from tests.support.hub_process import HubProcess, until
from tests.support.simulated_whatsapp import simulated_whatsapp

KILLED: Final = -9
_LOOK_SECONDS: Final = 0.005
_PATIENCE_SECONDS: Final = 120.0
_START_SECONDS: Final = 30.0
_LONGEST_PAUSE_SECONDS: Final = 0.05
_PEACE_SECONDS: Final = 1.0
# An item alone in hand at its third crash is quarantined, whose fault they were the hub cannot know.
_TWICE_IN_HAND: Final = "SELECT scope, item FROM suspects WHERE crashes >= 2"

# Doubt ends soon, so that what waits behind it goes on within the run.
_WAITS: Final = {"HUB_WAITS__DOUBT_SECONDS": "0.4"}
_PROVIDER: Final[dict[str, Any]] = {
    "retry_seconds": (0.05, 0.1),
    "statuses": (("delivered", 0.02),),
}
# Warnings fall due at once, so that timers fire all along.
_IMPATIENT: Final = """
UPDATE policies SET body = json_set(body, '$.resolution_natural_minutes', 60, '$.warn_at_share', 0.00001)
WHERE kind = 'service_levels'
"""


@dataclass
class Report:
    """What one run has seen.

    Attributes:
        evidence: What the verdict was found on.
        deaths: How lives ended, by point or manner; a point that was armed but never reached counts as ``late``.
    """

    seed: int
    evidence: Evidence
    verdict: Verdict
    deaths: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    seconds: float = 0.0


def kill_often(directory: Path, seed: int, kills: int, hub_of: Callable[[Path], HubProcess] = ForkedHub) -> Report:
    """Run a hub through so many kills; the directory keeps its data, its log, the provider's ledger."""
    began = time.monotonic()
    chance = random.Random(seed)
    hub = hub_of(directory / "data")
    provider = directory / "provider"
    with simulated_whatsapp(provider, hub.simulator_port, hub.webhook_port, **_PROVIDER) as whatsapp:
        hub.environment = {**_WAITS, **whatsapp.environment}
        crowd = Crowd(chance, whatsapp, provider)
        run = _Run(hub, crowd, chance)
        try:
            crowd.mumble()
            for death in plan(chance):
                if run.kills >= kills:
                    break
                run.live(death)
            run.come_to_rest()
        finally:
            hub.kill()
        crowd.listen()
    refused, stranded = frozenset(crowd.refused), frozenset(run.stranded | crowd.held)
    evidence = Evidence(hub.data, crowd.said, crowd.ledger, refused, stranded)
    return Report(seed, evidence, judge(evidence), run.deaths, run.kills, time.monotonic() - began)


class _Run:
    """One hub with its customers."""

    def __init__(self, hub: HubProcess, crowd: Crowd, chance: random.Random) -> None:
        self.deaths: Counter[str] = Counter()
        self.kills = 0
        self.stranded: set[str] = set()
        self._spared: set[tuple[Any, ...]] = set()
        self._hub, self._crowd, self._chance = hub, crowd, chance
        self._books = Books(hub.data)
        self._is_impatient = False

    def live(self, death: Death) -> None:
        """Lead one life to its end."""
        self._spare()
        hub, crowd = self._hub, self._crowd
        crowd.arrive()
        crowd.arrive()
        crowd.misbehave(hold=death.how == "calling")
        held = len(crowd.held)
        hub.start(kill_at=death.point or None, wait=False)
        started = time.monotonic()
        ends_at = started + death.after_seconds if death.how == "starting" else None
        speaks_at = started
        while hub.alive:
            now = time.monotonic()
            if ends_at is None and hub.said_ready:
                ends_at = now + death.after_seconds
            if now > started + _START_SECONDS:
                msg = f"not ready within {_START_SECONDS:g} s: {hub.log[-3000:]}"
                raise AssertionError(msg)
            if now >= speaks_at:
                crowd.speak()
                speaks_at = now + self._chance.uniform(0, _LONGEST_PAUSE_SECONDS)
            was_called = death.how == "calling" and len(crowd.held) > held
            if was_called or (ends_at is not None and now >= ends_at):
                self._end(death)
                return
            time.sleep(_LOOK_SECONDS)
        self._buried(death.name, KILLED)

    def come_to_rest(self) -> None:
        """Live once more without trouble until all has its end, then stop."""
        self._crowd.behave()
        # Whoever comes by now is warned, even when all others had their tickets before clocks were made to run fast.
        self._crowd.arrive()
        self._crowd.arrive()
        self._hub.start()
        until(self._crowd.have_their_say, "everybody has had their say", _PATIENCE_SECONDS)
        until(lambda: self._crowd.all_accepted, f"all accepted: {self._hub.log[-2000:]}", _PATIENCE_SECONDS)
        until(self._is_at_rest, f"at rest: {self._hub.log[-2000:]}", _PATIENCE_SECONDS)
        until(lambda: self._crowd.all_accepted, "the last statuses accepted", _PATIENCE_SECONDS)
        assert self._hub.stop(_PATIENCE_SECONDS) == 0, self._hub.log[-3000:]

    def _spare(self) -> None:
        """Let what two kills have met in hand be done in peace: chance alone may not make a killer of it."""
        twice = set(self._look(_TWICE_IN_HAND)) - self._spared
        if not twice:
            return
        self._spared |= twice
        self._hub.start()
        # A kill may also have struck when it was done, before its mark was gone: that one stays.
        ends_at = time.monotonic() + _PEACE_SECONDS
        while twice & set(self._books.rows(_TWICE_IN_HAND)) and time.monotonic() < ends_at:
            time.sleep(_LOOK_SECONDS)
        assert self._hub.stop(_PATIENCE_SECONDS) == 0, self._hub.log[-3000:]
        self._note_stranded()
        self.deaths["spared"] += 1

    def _end(self, death: Death) -> None:
        hub = self._hub
        assert hub.process is not None
        if death.how in {"clean", "stopping"} or death.point.startswith("stop"):
            hub.process.send_signal(signal.SIGTERM)
        if death.how == "stopping":
            time.sleep(death.stopping_seconds)
        if death.how == "clean":
            self._buried("clean", 0)
        elif death.point.startswith("stop"):
            self._buried(death.name, KILLED)
        else:
            hub.process.kill()
            self._buried("late" if death.point else death.how, KILLED, or_clean=death.how == "stopping")

    def _buried(self, name: str, code: int, *, or_clean: bool = False) -> None:
        """See that the life ended as meant; write down whose call it cut off."""
        found = self._hub.wait_dead(_PATIENCE_SECONDS)
        assert found == code or (or_clean and found == 0), f"{name}: {found}\n{self._hub.log[-3000:]}"
        self.deaths[name if found else "clean"] += 1
        self.kills += found == KILLED
        self._note_stranded()
        if not self._is_impatient and self._look("SELECT 1 FROM policies WHERE kind = 'service_levels'"):
            with closing(sqlite3.connect(self._hub.data / "hub.db")) as connection, connection:
                connection.execute(_IMPATIENT)
            self._is_impatient = True

    def _note_stranded(self) -> None:
        self.stranded |= {id_ for (id_,) in self._look("SELECT id FROM effects WHERE state = 'sending'")}

    def _look(self, sql: str) -> list[tuple[Any, ...]]:
        """Read what a kill left in a copy: to close the file itself would do work that belongs to the next life."""
        left = self._hub.data.parent / "left"
        shutil.rmtree(left, ignore_errors=True)
        left.mkdir()
        for path in self._hub.data.glob("hub.db*"):
            if path.suffix != ".db-shm":
                shutil.copy(path, left)
        return Books(left).rows(sql)

    def _is_at_rest(self) -> bool:
        books, lines = self._books, self._crowd.lines
        talked = sum(1 for said in self._crowd.said.values() if said)
        open_ = "state IN ('intent', 'sending') OR (state = 'unknown' AND code IS NULL)"
        return (
            books.count("effects") >= lines + talked
            and books.count("effects", open_) == 0
            and books.count("clocks") >= 2 * talked
            and books.count("events", WARNED) >= books.count("clocks", DUE)
        )
