"""Runs a hub at scale through kills while customers write, then judges what is left."""

from __future__ import annotations

import asyncio
import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psycopg

from schemas import catalogue
from tests.kafka.subscriber import EVERY, NOUNS, hear
from tests.reliability.reaper import VICTIMS, Reaper
from tests.support.audit import problems, settled
from tests.support.fleet import Fleet, a_fleet
from tests.support.hub_process import until
from tests.support.kafka import KafkaPlace, own_broker
from tests.support.postgres_server import a_server
from tests.support.simulated_whatsapp import SimulatedWhatsApp

assert catalogue.MODULES, "subscribers know every type"

FLEET: Final = ("intake", "worker-1", "worker-2", "effects")
HUB: Final = (sys.executable, "-m", "hub")
_TEXT: Final = "Desde la actualización todas las facturas salen con errores contables"
_LONGEST_LIFE_SECONDS: Final = 1.5
_LINES: Final = 3


@dataclass
class Report:
    """What one run has seen.

    Attributes:
        deaths: How often each process or service was killed.
        doubtful: Replies whose fate nobody knows; at most as many as calls that a kill may have cut.
        repeated: Copies that subscribers had twice under one id.
        problems: Every breach of the promise.
    """

    seed: int
    deaths: Counter[str] = field(default_factory=Counter)
    lines: int = 0
    doubtful: int = 0
    repeated: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)


def kill_at_scale(
    folder: Path,
    seed: int,
    kills: int,
    say: Callable[[str], None] = lambda _: None,
    *,
    victims: Sequence[str] = VICTIMS,
    program: tuple[str, ...] = HUB,
    patience_seconds: float = 120.0,
) -> Report:
    """Run a fleet through so many kills; the folder keeps its data with every log.

    Args:
        folder: An empty one.
        seed: Decides who is killed when, who writes what.
        kills: How many; one that comes while a service is away counts as well.
        say: Told how far it is.
        victims: Whose turn it is to die, in shuffled rounds.
        program: What runs in place of the hub.
        patience_seconds: How long each step towards the end may take.
    """
    began, chance, report = time.monotonic(), random.Random(seed), Report(seed)
    with a_server() as server, own_broker(folder / "kafka") as broker:
        with psycopg.connect(f"{server.url}/postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE hub")
        kafka = KafkaPlace(broker.address)
        asyncio.run(kafka.make(*EVERY, partitions=4))
        with a_fleet(folder, f"{server.url}/hub", kafka, program=program) as (fleet, whatsapp):
            fleet.start(*FLEET)
            crowd = _Crowd(whatsapp, chance)
            reaper = Reaper(fleet, broker, server, whatsapp, chance)
            order = _in_rounds(victims, chance)
            while reaper.deaths.total() < kills:
                crowd.arrive()
                time.sleep(chance.uniform(0, _LONGEST_LIFE_SECONDS))
                reaper.kill(next(order), crowd.arrive)
                crowd.arrive()
                time.sleep(chance.uniform(0, _LONGEST_LIFE_SECONDS))
                reaper.revive()
                crowd.speak()
                say(f"seed {seed}: {reaper.deaths.total()} of {kills} kills")
            _end(report, fleet, whatsapp, crowd, kafka, patience_seconds)
            report.deaths = reaper.deaths
            report.lines = sum(map(len, crowd.said.values()))
            # A life of the effects role has at most sixteen calls under way.
            if report.doubtful > 16 * sum(report.deaths[name] for name in ("effects", "postgresql")):
                report.problems.append(f"{report.doubtful} replies are in doubt after {dict(report.deaths)}")
        shutil.copy(server.folder / "log", folder / "postgresql.log")
    report.seconds = time.monotonic() - began
    return report


def _end(
    report: Report, fleet: Fleet, whatsapp: SimulatedWhatsApp, crowd: _Crowd, kafka: KafkaPlace, patience: float
) -> None:
    """Let everything come to its end, or tell what did not; then judge."""
    try:
        crowd.finish(patience)
        until(lambda: not whatsapp.undelivered(), "all accepted", patience)
        until(lambda: settled(fleet.books, crowd.said), "settled", patience)
        fleet.until_published(patience)
        # Who is told to stop before it listens to signals ends otherwise than cleanly.
        for process in fleet.processes.values():
            process.wait_ready()
    except AssertionError as error:
        report.problems.append(str(error))
    report.problems += [f"{name} has ended by itself" for name, one in fleet.processes.items() if not one.alive]
    fleet.stop()
    report.problems += problems(fleet.books, whatsapp, crowd.said)
    report.problems += _subscribers(fleet, kafka, report)
    report.doubtful = fleet.books.count("effects", "state = 'unknown'")


def _in_rounds(victims: Sequence[str], chance: random.Random) -> Iterator[str]:
    while True:
        yield from chance.sample(victims, len(victims))


def _subscribers(fleet: Fleet, kafka: KafkaPlace, report: Report) -> list[str]:
    """Hold what subscribers were sent against the log: all of it, in order per topic with key."""
    heard = asyncio.run(hear(kafka, *NOUNS))
    report.repeated = heard.repeated
    stated = fleet.books.rows("SELECT id, key FROM events WHERE type NOT LIKE 'hub.timer.%' ORDER BY position")
    found = [] if {id_ for id_, _ in stated} == {event.id for event in heard.events} else ["subscribers lack events"]
    place = {id_: number for number, (id_, _) in enumerate(stated)}
    order: dict[tuple[str, str], int] = {}
    for event in heard.events:
        line = (type(event.data).TOPIC.name, event.partitionkey)
        if place.get(event.id, 0) < order.get(line, -1):
            found.append(f"{line}: {event.id} came too late")
        order[line] = place.get(event.id, 0)
    return found


class _Crowd:
    """People who write some lines each, the next one when the last was accepted."""

    def __init__(self, whatsapp: SimulatedWhatsApp, chance: random.Random) -> None:
        self.said: dict[str, list[str]] = {}
        self._whatsapp, self._chance = whatsapp, chance

    def arrive(self) -> None:
        """Let two more people write."""
        for _ in range(2):
            phone = f"+52 222 7{len(self.said) // 10000:02d} {len(self.said) % 10000:04d}"
            self.said[phone] = []
            self._write(phone)

    def speak(self) -> None:
        """Let some of those who were heard write another line."""
        open_ = self._whatsapp.undelivered()
        sent = [entry for entry in self._whatsapp.ledger(kind="webhook") if entry["webhook"] in open_]
        waiting = {_digits(phone) for entry in sent for phone in entry["phone"].split(",")}
        free = [phone for phone, lines in self.said.items() if len(lines) < _LINES and _digits(phone) not in waiting]
        for phone in self._chance.sample(free, min(len(free), 4)):
            self._write(phone)

    def finish(self, patience: float) -> None:
        """Let nobody be silent who has more to say."""
        for _ in range(_LINES - 1):
            until(lambda: not self._whatsapp.undelivered(), "accepted", patience)
            for phone, lines in self.said.items():
                if len(lines) < _LINES:
                    self._write(phone)

    def _write(self, phone: str) -> None:
        line = f"{_TEXT} {len(self.said[phone])}"
        self.said[phone].append(line)
        self._whatsapp.say(phone, line)


def _digits(phone: str) -> str:
    return "".join(filter(str.isdigit, phone))
