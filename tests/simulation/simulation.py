"""Runs one seed from its first message until everything has come to its end."""

from __future__ import annotations

import contextlib
import gc
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.simulation import disk, oracles
from tests.simulation.customers import Customers
from tests.simulation.groups import Groups
from tests.simulation.life import Life
from tests.simulation.modules import simulated
from tests.simulation.phones import Phones
from tests.simulation.plan import FAULTS_UNTIL, SETTLED_WITHIN, WAITS, Trouble, Window, plan
from tests.simulation.world import World

_LOOK_SECONDS: Final = 3.0
_MOST_LIVES: Final = 60
_STOCKS: Final = 4
_REFUSALS: Final[tuple[Trouble, ...]] = ("begin", "commit", "commit after")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a seed ended.

    Attributes:
        problems: Every way in which the promise was broken; empty when it was kept.
        trace: A hash of all that happened; the same for the same seed.
    """

    seed: int
    problems: tuple[str, ...]
    trace: str
    virtual_seconds: float
    lives: int
    events: int
    handled: int
    lines: tuple[str, ...]


class Simulation:
    """One seed: the world, what goes wrong in it, the hub's lives."""

    def __init__(self, world: World, folder: Path) -> None:
        """Plan everything."""
        self.world = world
        self.plan = plan(world)
        self.customers = Customers(world, self.plan.conversations)
        self.phones = Phones(world, self.customers, self.plan.unclear)
        self.groups = Groups(lambda: self.life, world.seed, self.plan.failing, self.plan.killer)
        self.lives = 0
        self.kills = 0
        self.settled = False
        self.excused: set[str] = set()
        self._folder = folder
        self._held_at = world.wall
        self._armed: dict[str, int] = {}
        self._deadline = FAULTS_UNTIL + SETTLED_WITHIN
        self._troubles = world.chance("troubles")
        self._windows: dict[Trouble, list[Window]] = {}
        for window in self.plan.windows:
            self._windows.setdefault(window.trouble, []).append(window)
        self.life = Life(self, folder / "life-0", folder / "life-1")
        self._agenda()

    def run(self) -> None:
        """Live again and again until all is settled, then look whether the promise was kept."""
        disk.fresh(self.life.data)
        while True:
            self.world.note("life", self.lives)
            self.customers.life = self.life
            self.life.run()
            data = self._bury()
            if self.settled or self.lives > _MOST_LIVES:
                break
            self.world.sleep(self.world.chance("lives").uniform(0.1, 3))
            self.life = Life(self, data, self._folder / f"life-{self.lives + 1}")
        if not self.settled:
            self.world.problem(f"not settled after {self.lives} lives, {self.world.time:.0f} virtual seconds")
        for problem in oracles.problems(self, data):
            self.world.problem(problem)

    def trouble(self, kind: Trouble) -> bool:
        """Tell whether something goes wrong this time."""
        windows = self._windows.get(kind)
        if windows is None:
            return False
        now = self.world.time
        share = max((window.share for window in windows if window.begins <= now < window.ends), default=0.0)
        return share > 0 and self._troubles.random() < share

    def _is_in(self, kind: Trouble) -> bool:
        """Tell whether a time of trouble goes on."""
        return any(window.begins <= self.world.time < window.ends for window in self._windows.get(kind, ()))

    def reached(self, point: str) -> None:
        """Stand in for ``hub.killpoints.reached``."""
        left = self._armed.get(point, 0)
        if left and not self.life.dead and self.world.time < FAULTS_UNTIL:
            self._armed[point] = left - 1
            if left == 1:
                self.life.kill(point)

    def lease(self, *, held: bool) -> None:
        """Note how a lease was asked for: once it has lapsed nobody may carry out what was claimed under it."""
        if held:
            self._held_at = self.world.wall
        elif (self.world.wall - self._held_at).total_seconds() > WAITS.lease_seconds:
            # Taken back by a commit whose answer was lost, the doubt stands already.
            self._excuse(self.life.data, "state = 'sending' OR state = 'unknown' AND code IS NULL")

    def _excuse(self, data: Path, where: str = "state = 'sending'") -> None:
        with closing(sqlite3.connect(data / "hub.db")) as connection:
            self.excused.update(id_ for (id_,) in connection.execute(f"SELECT id FROM effects WHERE {where}"))

    def _agenda(self) -> None:
        world = self.world
        for instant in self.plan.kills:
            world.at(instant, self._while_alive(lambda: self.life.kill("at random")))
        for instant in self.plan.stops:
            world.at(instant, self._while_alive(self._stop))
        for instant, point, times in self.plan.armed:
            world.at(instant, self._armed.__setitem__, point, times)
        for instant, seconds in self.plan.steps:
            world.at(instant, self._step, seconds)
        chance = world.chance("stock")
        for _ in range(_STOCKS):
            world.at(chance.uniform(0, FAULTS_UNTIL + 30), self._while_alive(self._take_stock))
        world.at(FAULTS_UNTIL, self._look)

    def _while_alive(self, happen: Callable[[], object]) -> Callable[[], None]:
        def maybe() -> None:
            if self.customers.life is not None:
                happen()

        return maybe

    def _stop(self) -> None:
        self.life.stop()

    def _take_stock(self) -> None:
        self.life.take_stock()

    def _step(self, seconds: float) -> None:
        self.world.note("clock", seconds)
        self.world.wall_offset += seconds

    def _look(self) -> None:
        """Stop the hub once nothing is left to do, or when it takes too long."""
        alive = self.customers.life is not None and self.life.intake is not None
        left = self._left() if alive else "no hub"
        if left and self.world.time < self._deadline:
            self.world.after(_LOOK_SECONDS, self._look)
            return
        if left:
            self.world.problem(f"not settled {SETTLED_WITHIN:g} virtual seconds after the last fault: {left}")
        self.settled = True
        self.life.stop()

    def _left(self) -> str:
        if self.customers.waiting:
            return f"{self.customers.waiting} webhooks not taken"
        with closing(sqlite3.connect(self.life.data / "hub.db")) as connection:
            return oracles.left(connection, self.life.data)

    def _bury(self) -> Path:
        life = self.life
        self.customers.life = None
        self.customers.hung_up()
        self.lives += 1
        if life.dead:
            self.kills += 1
            self.excused |= self.phones.under_way
        if life.dead or any(map(self._is_in, _REFUSALS)):
            # A hub that stops while its database refuses cannot keep what it knows of its last calls.
            self._excuse(life.successor if life.dead else life.data)
        self.phones.under_way.clear()
        life.dead = True
        life.loop.bury()
        return life.successor if life.successor.exists() else life.data


def simulate(
    seed: int, *, keep_trace: bool = False, bug: contextlib.AbstractContextManager[object] | None = None
) -> Outcome:
    """Run a seed.

    Args:
        seed: Decides everything.
        keep_trace: Return every line of the trace, not only the last ones.
        bug: Something wrong with the hub meanwhile.
    """
    world = World(seed, keep_trace=keep_trace)
    with _without_collector(), disk.folder() as folder:
        simulation = Simulation(world, Path(folder))
        with simulated(simulation), bug or contextlib.nullcontext():
            try:
                simulation.run()
            except Exception as error:  # noqa: BLE001 - a hub that goes round in circles is a finding
                world.problem(f"the simulation broke: {error!r}")
                simulation._bury()
        events, handled = oracles.counts(simulation)
    return Outcome(
        seed,
        tuple(world.problems),
        world.trace,
        world.time,
        simulation.lives,
        events,
        handled,
        tuple(world.latest),
    )


def stand_by() -> None:
    """Prepare a process that runs seeds for another one: Ctrl-C is for that one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.collect()
    # The collector need not walk all that was imported, again and again.
    gc.freeze()


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """Collect no cycles meanwhile: it costs a fifth of a seed's time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
