"""A lane, or a whole worker, over a sender that does as it is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import bindparam, select, text

from hub.contracts import Accepted, AssetRoute, OutboundCall, Outcome
from hub.pipeline.effects import EffectWorker
from hub.pipeline.effects.breaker import Breaker
from hub.pipeline.effects.lane import Lane
from hub.pipeline.effects.lease import AssetLease
from hub.pipeline.effects.restored import Restored
from hub.ports import Store
from hub.settings import Waits
from hub.store.events import envelope
from hub.store.postgres import PostgresStore
from hub.store.tables import events
from schemas.envelope import CloudEvent
from tests.support.clock import FakeClock
from tests.support.engines import a_store
from tests.support.replying import DEADLINE_SECONDS, ask, effect, open_conversation
from tests.support.webhooks import NUMBER

_MICROSECOND: Final = timedelta(microseconds=1)
PLACE: Final = ("whatsapp", NUMBER)
_EVENTS: Final = select(events).where(events.c.type.like(bindparam("pattern"))).order_by(events.c.position)

Answer = Callable[[OutboundCall], Awaitable[Outcome]]


@dataclass
class ScriptedSender:
    """Gives the scripted outcomes in turn, then accepts everything."""

    script: list[Outcome | BaseException | Answer] = field(default_factory=list)
    calls: list[OutboundCall] = field(default_factory=list)
    times_closed: int = 0

    async def send(self, call: OutboundCall) -> Outcome:
        self.calls.append(call)
        step: Any = self.script.pop(0) if self.script else Accepted(f"wamid.{call.effect_id}.{call.attempt}")
        if isinstance(step, BaseException):
            raise step
        outcome: Outcome = await step(call) if callable(step) else step
        return outcome

    async def close(self) -> None:
        self.times_closed += 1

    @property
    def said(self) -> list[str]:
        """What was sent, in order."""
        return [call.payload["text"] for call in self.calls]


def hanging(gate: asyncio.Event, outcome: Outcome | None = None) -> Answer:
    """Return an answer that comes when the gate opens."""

    async def answer(call: OutboundCall) -> Outcome:
        await gate.wait()
        return outcome or Accepted(f"wamid.{call.effect_id}")

    return answer


class Rig:
    """What a test of effects talks to."""

    def __init__(self, data: Path, store: Store, clock: FakeClock) -> None:
        """Begin with an obedient sender."""
        self.data = data
        self.store = store
        self.clock = clock
        self.sender = ScriptedSender()
        self.waits = Waits(store_retry_seconds=0.01)
        self.restored = Restored()
        self.breaker = Breaker(clock, self.waits.breaker_seconds, self.waits.breaker_max_seconds)

    def route(self, **given: Any) -> AssetRoute:
        return AssetRoute("support", self.sender, "graph", **({"deadline_seconds": 5.0} | given))

    def lane(self, store: Store | None = None, *, holder: str = "me", **given: Any) -> Lane:
        """Return a lane for the usual asset; ``routed=False`` for one that is not in the settings."""
        routed = given.pop("routed", True)
        route = self.route(**given) if routed else None
        deadline = 0.0 if route is None else route.deadline_seconds
        store = store or self.store
        lease = AssetLease(store, self.clock, self.waits, PLACE, holder=holder, deadline_seconds=deadline)
        return Lane(
            store,
            self.clock,
            self.waits,
            PLACE,
            lease=lease,
            route=route,
            breaker=self.breaker,
            restored=self.restored,
        )

    def worker(self, store: Store | None = None, *, holder: str = "me", **given: Any) -> EffectWorker:
        """Return a worker that serves the usual asset."""
        routes = {PLACE: self.route()}
        return EffectWorker(store or self.store, routes, self.clock, self.waits, holder=holder, **given)

    async def ask(self, *words: str, who: str = "ana", **given: Any) -> list[str]:
        """Ask for replies to somebody; return their ids."""
        return await ask(self.store, await open_conversation(self.store, who), *words, **given)

    async def turn(self, lane: Lane, times: int = 1) -> None:
        """Let a lane look, then let its calls end."""
        for _ in range(times):
            await lane.step()
            await asyncio.wait_for(lane.drain(), DEADLINE_SECONDS)

    def move(self, **by: float) -> None:
        """Let time pass, also for leases, which PostgreSQL judges by its own clock."""
        delta = timedelta(**by)
        self.clock.move(delta)
        if isinstance(self.store, PostgresStore):
            with self.store.engine.connect() as connection:
                connection.exec_driver_sql(f"UPDATE leases SET expires_at = expires_at - {delta // _MICROSECOND}")

    async def states(self, *ids: str) -> list[str]:
        """Return the states of effects, ``doubtful`` for what a person is shown."""
        rows = [await effect(self.store, id_) for id_ in ids]
        return ["doubtful" if row.state == "unknown" and row.code is not None else row.state for row in rows]

    async def events(self, type_: str = "reply.%") -> list[CloudEvent[Any]]:
        """Return the events of a type, oldest first."""
        rows = await self.store.read(lambda tx: tx.all(_EVENTS, pattern=f"hub.{type_}.v1"))
        return [envelope(row) for row in rows]

    async def told(self) -> list[str]:
        """Return what became of replies, as events."""
        return [event.type.split(".")[2] for event in await self.events() if "requested" not in event.type]

    async def rows(self, sql: str, **params: Any) -> Sequence[Any]:
        """Return what a query finds."""
        return await self.store.read(lambda tx: tx.all(text(sql), **params))


@contextlib.asynccontextmanager
async def running(data: Path, engine: str = "sqlite") -> AsyncIterator[Rig]:
    """Run a store until the block ends."""
    clock = FakeClock()
    async with a_store(engine, data, clock) as store:
        yield Rig(data, store, clock)


@contextlib.asynccontextmanager
async def working(worker: EffectWorker) -> AsyncIterator[EffectWorker]:
    """Run a worker until the block ends."""
    task = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        await asyncio.wait_for(worker.stop(), DEADLINE_SECONDS)
        await asyncio.wait_for(task, DEADLINE_SECONDS)
