"""One life of the simulated hub, from its start to its stop or kill."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from hub import bootstrap, observation, working
from hub.contracts import Connection
from hub.errors import JournalUnavailable, StoreUnavailable
from hub.pipeline.intake import Intake
from hub.pipeline.journal import JournalReader
from hub.ports import Store
from hub.settings import HubSettings, Limits
from tests.simulation import disk
from tests.simulation.loop import VirtualLoop
from tests.simulation.plan import DEADLINE_SECONDS, FAULTS_UNTIL, WAITS, Trouble
from tests.simulation.world import Killed, SimulatedClock
from tests.support.embedded_hub import _ENVIRONMENT

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation


class Life:
    """A hub process: the real composition root on a loop of virtual time.

    Attributes:
        dead: It was killed; ports of the simulation refuse whatever it still asks for.
        intake: Where webhooks come in; None while nobody listens.
        successor: The data directory as the kill left it.
    """

    def __init__(self, simulation: Simulation, data: Path, successor: Path) -> None:
        """Prepare a life on a data directory."""
        self.world = simulation.world
        self.data = data
        self.successor = successor
        self.dead = False
        self.intake: Intake | None = None
        self.hub: bootstrap.Hub | None = None
        self._simulation = simulation
        self._delays = self.world.chance("delays")
        self._told = asyncio.Event()
        self.loop = VirtualLoop(self.world, self.delay, self._broken)

    def run(self) -> None:
        """Live until stopped or killed."""
        main = self.loop.create_task(self._main(), name="main")
        main.add_done_callback(lambda _: self.loop.stop())
        try:
            self.loop.run_forever()
        except Killed:
            pass
        else:
            if not self.dead and main.done() and main.exception() is not None:
                self._ended(main.exception())
        finally:
            self.intake = None

    def kill(self, why: str) -> NoReturn:
        """End this life at once.

        Raises:
            Killed: Always.
        """
        if not self.dead:
            self.dead = True
            self.world.note("killed", why)
            disk.as_killed(self.data, self.successor)
            self.loop.halt()
        raise Killed

    def stop(self) -> None:
        """Ask for a clean stop."""
        self._told.set()

    def delay(self) -> float:
        """Return how long something takes that happens beside the loop."""
        chance = self._delays
        seconds = chance.random() ** 4 * 0.05
        return seconds * 40 if self.trouble("slow") else seconds

    def trouble(self, kind: Trouble) -> bool:
        """Tell whether something goes wrong now."""
        return self._simulation.trouble(kind)

    def lease(self, *, held: bool) -> None:
        """Note how a lease was asked for."""
        self._simulation.lease(held=held)

    def take_stock(self) -> None:
        """Begin to add up everything, while the hub goes on."""
        if self.intake is not None and self.hub is not None and self.hub.store is not None:
            self.loop.create_task(self._take_stock(self.hub.store, self.hub.reader), name="stock")

    async def _take_stock(self, store: Store, reader: JournalReader) -> None:
        try:
            found = await observation.balance(store, reader)
        except (StoreUnavailable, JournalUnavailable):
            return
        finally:
            reader.close()
        self.world.note("balance", found.items, found.journal)
        for broken in found.broken:
            self.world.problem(f"the balance is broken: {broken}")

    async def _main(self) -> None:
        plan = self._simulation.plan
        settings = HubSettings(
            data=self.data, waits=WAITS, limits=Limits(segment_bytes=plan.segment_bytes, disk_free_bytes=1)
        )
        clock = SimulatedClock(self.world)
        hub = self.hub = bootstrap.assemble(settings, _ENVIRONMENT, clock, self.world.randomness)
        connection = hub.connections["whatsapp"]
        sender = self._simulation.phones
        assets = {
            name: dataclasses.replace(route, sender=sender, deadline_seconds=DEADLINE_SECONDS)
            for name, route in connection.assets.items()
        }
        hub.connections = {"whatsapp": Connection(connection.secrets, assets)}
        # In the order of hub.cli.serve.
        async with contextlib.AsyncExitStack() as stack:
            self.intake = await stack.enter_async_context(bootstrap.receiving(hub, hub.journal_grew))
            stack.callback(setattr, self.intake, "closing", True)  # noqa: FBT003
            store = await stack.enter_async_context(bootstrap.storing(hub))
            await stack.enter_async_context(bootstrap.ingesting(hub, store))
            await stack.enter_async_context(working.working(hub, store))
            self.world.note("up")
            await self._until_told_or_broken(hub)
            self._simulation.reached("stop.draining")

    async def _until_told_or_broken(self, hub: bootstrap.Hub) -> None:
        told = asyncio.create_task(self._told.wait(), name="told")
        await asyncio.wait([told, *hub.tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in hub.tasks:
            if task.done():
                task.result()
                self.world.problem(f"a part of the hub ended: {task.get_name()}")
        told.cancel()

    def _ended(self, error: BaseException | None) -> None:
        self.world.note("ended", repr(error))
        # A hub that cannot start without its database is started again by whoever supervises it.
        if not isinstance(error, StoreUnavailable) or self.world.time >= FAULTS_UNTIL + 1:
            self._broken(error or "for no reason")

    def _broken(self, error: BaseException | str) -> None:
        self.world.problem(f"the hub broke: {error!r}")
