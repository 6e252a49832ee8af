"""The provider on the way out: takes calls or not, answers or not, tells later what became of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final, Literal

from hub.contracts import Accepted, NotTaken, OutboundCall, Outcome, Rejected, Unclear
from tests.simulation.customers import Customers
from tests.simulation.plan import DEADLINE_SECONDS, FAULTS_UNTIL
from tests.simulation.world import World
from tests.support.webhooks import of_statuses, status

Fate = Literal["taken", "throttled", "busy", "rejected", "unclear", "unclear but taken", "silent", "silent but taken"]

_TROUBLED: Final[tuple[Fate, ...]] = (
    "throttled",
    "busy",
    "busy",
    "rejected",
    "unclear",
    "unclear but taken",
    "silent",
    "silent but taken",
)
_LONGEST_TRANSIT_SECONDS: Final = 0.5


class Phones:
    """Implements ``Sender``; its ledger outlives every life of the hub.

    Attributes:
        taken: How often each effect reached a phone.
        received: Effects in the order in which each phone received them.
        refused: Effects that the provider said it would never take, or told later that it could not deliver.
        unclear: Effects of which the hub was left in doubt by the provider.
        under_way: Effects whose call the hub has not seen the end of.
    """

    def __init__(self, world: World, customers: Customers, unclear: float) -> None:
        """Leave open the outcome of a share of calls."""
        self.taken: Counter[str] = Counter()
        self.received: dict[str, list[str]] = {}
        self.refused: set[str] = set()
        self.unclear: set[str] = set()
        self.under_way: set[str] = set()
        self._world = world
        self._customers = customers
        self._share = unclear
        self._chance = world.chance("phones")

    async def send(self, call: OutboundCall) -> Outcome:
        """Make one attempt: what was sent arrives, whether or not the caller lives to hear of it."""
        chance, world = self._chance, self._world
        fate: Fate = "taken"
        if world.time < FAULTS_UNTIL and chance.random() < self._share:
            fate = chance.choice(_TROUBLED)
        world.note("call", call.effect_id[3:9], call.attempt, fate)
        transit = chance.uniform(0.01, _LONGEST_TRANSIT_SECONDS)
        self.under_way.add(call.effect_id)
        if fate.endswith("taken"):
            world.after(transit, self._take, call)
        if "unclear" in fate or "silent" in fate:
            self.unclear.add(call.effect_id)
        if fate == "rejected":
            self.refused.add(call.effect_id)
        await asyncio.sleep(transit + chance.choice((0.0, 0.2, 2.0)) * chance.random())
        if "silent" in fate:
            await asyncio.sleep(10 * DEADLINE_SECONDS)
        self.under_way.discard(call.effect_id)
        return _answer(fate, call)

    async def close(self) -> None:
        """Hold nothing."""

    def _take(self, call: OutboundCall) -> None:
        chance, world, effect = self._chance, self._world, call.effect_id
        self.taken[effect] += 1
        self.received.setdefault(call.reply_to["to"], []).append(effect)
        world.note("phone", effect[3:9])
        provider_id = _provider_id(call)
        ours = effect if chance.random() < 0.7 else None
        told = ["sent", "delivered", "read"][: chance.choice((0, 1, 1, 2, 3))]
        if world.time < FAULTS_UNTIL and chance.random() < self._share / 4:
            told = ["failed"]
            self.refused.add(effect)
        for state in told:
            body = of_statuses(status(provider_id, state, ours=ours))
            late = chance.choice((0.0, 0.05, 1.0, 6.0, 15.0)) * chance.random()
            self._customers.send(
                f"{state}-{effect[3:9]}", body, world.time + late, copies=chance.choice((1, 1, 1, 1, 5))
            )


def _provider_id(call: OutboundCall) -> str:
    return f"wamid.out.{call.effect_id}.{call.attempt}"


def _answer(fate: Fate, call: OutboundCall) -> Outcome:
    if fate == "throttled":
        return NotTaken("130429", "Demasiados mensajes.", retry_after_seconds=2.0, scope="asset")
    if fate == "busy":
        return NotTaken("131000", "El proveedor no pudo.")
    if fate == "rejected":
        return Rejected("131026", "No se pudo entregar.")
    if fate == "taken":
        return Accepted(_provider_id(call))
    return Unclear("the answer was cut off")
