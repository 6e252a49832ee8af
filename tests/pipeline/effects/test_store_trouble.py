"""What a lane does while its database serves badly."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from hub.errors import StoreUnavailable
from hub.ports import Commit
from hub.store.transaction import Transaction, UnitOfWork
from tests.pipeline.effects.rig import hanging, running, working
from tests.support.replying import until
from tests.support.unreliable_store import UnreliableStore

T = TypeVar("T")

PAUSE = 0.1


class Refusing(UnreliableStore):
    """Refuses the lease; as the real one it tells everybody that another process may have committed.

    It does so because it has a new connection after each refusal (found by the simulation: 2,700 tries in 50 seeds).
    """

    listener: Callable[[Commit], None]

    async def transact(self, fn: Callable[[UnitOfWork], T], *, name: str) -> T:
        if name != "effects.lease":
            return await super().transact(fn, name=name)
        self.refused.append(asyncio.get_running_loop().time())
        await asyncio.sleep(0.001)
        self.listener(Commit((), frozenset({"elsewhere"})))
        msg = "the test took the database away"
        raise StoreUnavailable(msg)

    def on_commit(self, listener: Callable[[Commit], None]) -> None:
        self.listener = listener
        self.refused: list[float] = []


async def test_refusals_come_no_faster_than_the_pause_between_tries(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        rig.waits = rig.waits.model_copy(update={"store_retry_seconds": PAUSE})
        await rig.ask("hola")
        store = Refusing(rig.store)

        async with working(rig.worker(store)):
            await until(lambda: len(store.refused) >= 4, "four tries were refused")

    gaps = [later - earlier for earlier, later in zip(store.refused, store.refused[1:], strict=False)]
    assert min(gaps) >= 0.9 * PAUSE


class Rerunning(UnreliableStore):
    """Runs a claim again after its commit, as a train does whose commit was durable without saying so."""

    async def transact(self, fn: Callable[[UnitOfWork], T], *, name: str) -> T:
        if name == "effects.claim":
            await super().transact(fn, name=name)
        return await super().transact(fn, name=name)


async def test_a_claim_that_ran_again_after_its_commit_is_carried_out_once(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        (asked,) = await rig.ask("hola")
        lane = rig.lane(Rerunning(rig.store))

        await rig.turn(lane, times=3)

        assert rig.sender.said == ["hola"]
        assert await rig.states(asked) == ["accepted"]


class Late(UnreliableStore):
    """Answers a look only after ``meanwhile``: what it tells is no longer so."""

    meanwhile: Callable[[], Awaitable[None]] | None = None

    async def read(self, fn: Callable[[Transaction], T]) -> T:
        found = await super().read(fn)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            await meanwhile()
        return found


async def test_a_call_that_ends_while_claims_are_looked_for_is_not_made_again(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        (asked,) = await rig.ask("hola")
        answered = asyncio.Event()
        rig.sender.script = [hanging(answered)]
        store = Late(rig.store)
        lane = rig.lane(store)
        await lane.step()

        async def end_of_the_call() -> None:
            answered.set()
            await lane.drain()

        # As after a claim whose answer was lost: the next step looks for what was claimed.
        lane._claim_is_unclear = True
        store.meanwhile = end_of_the_call
        await rig.turn(lane)

        assert rig.sender.said == ["hola"]
        assert await rig.states(asked) == ["accepted"]
