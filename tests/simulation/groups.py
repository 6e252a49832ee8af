"""The hub's handlers as the simulation has them: each writes down what it handled, some fail on some events."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import text

from hub import discovery
from hub.contracts import Handler, Ports
from hub.errors import Permanent, Transient
from hub.services import replies
from hub.store import timers
from hub.store.transaction import Transaction
from schemas.envelope import CloudEvent
from schemas.messages import MessageReceived
from schemas.operations import TimerFired
from tests.simulation.plan import FAULTS_UNTIL
from tests.simulation.world import Killed

if TYPE_CHECKING:
    from tests.simulation.life import Life

_HANDLED: Final = text('INSERT INTO sim_handled ("group", key, event) VALUES (:grp, :key, :event)')
_MOST_TRIES: Final = 4
_ALARMS_EVERY: Final = timedelta(seconds=20)


def _echo(event: CloudEvent[MessageReceived], tx: Transaction, _ports: Ports) -> None:
    """Answer every message, so that each conversation has several replies with an order."""
    words = f"eco {event.data.provider_message_id}"
    replies.request(tx, event.data.conversation_id, words, intent="echo", useful_for=timedelta(hours=1))


def _alarm(event: CloudEvent[MessageReceived | TimerFired], tx: Transaction, _ports: Ports) -> None:
    """Arm a timer that is due with many others, beside one that each message puts off."""
    if isinstance(event.data, MessageReceived):
        key = event.data.conversation_id
        timers.arm(tx, f"alarm:{event.data.message_id}", _full(tx.now), key=key)
        timers.arm(tx, f"quiet:{key}", tx.now + _ALARMS_EVERY, key=key)


EXTRA: Final = (
    Handler(group="sim-echo", types=(MessageReceived,), handle=_echo, owner="support"),
    Handler(group="sim-alarm", types=(MessageReceived, TimerFired), handle=_alarm, owner="support"),
)
REAL: Final = tuple(discovery.handlers().values())


class Groups:
    """All groups, with the trouble that they make.

    Attributes:
        doomed: (group, event) of everything that was ever failed on so that a dead letter may come of it.
    """

    def __init__(self, life: Callable[[], Life], seed: int, failing: float, killer: float) -> None:
        """Fail on a share of the pairs of group with event, die of a smaller one."""
        self.doomed: set[tuple[str, str]] = set()
        self._life = life
        self._seed = seed
        self._failing = failing
        self._killer = killer
        self._left: dict[tuple[str, str], list[Exception]] = {}
        self._wrapped = {one.group: self._wrap(one) for one in (*REAL, *EXTRA)}

    def handlers(self) -> dict[str, Handler]:
        """Stand in for ``hub.discovery.handlers``."""
        return self._wrapped

    def _wrap(self, handler: Handler) -> Handler:
        group, handle = handler.group, handler.handle

        def work(event: CloudEvent[Any], tx: Transaction, ports: Ports) -> None:
            life = self._life()
            if life.dead:
                raise Killed
            handle(event, tx, ports)
            tx.run(_HANDLED, grp=group, key=event.partitionkey, event=event.id)
            # After the work, so that what fails has something to undo.
            self._fail(life, group, event.id)

        return dataclasses.replace(handler, handle=work)

    def _fail(self, life: Life, group: str, event: str) -> None:
        if life.trouble("handlers"):
            self.doomed.add((group, event))
            msg = "a trouble of all"
            raise Transient(msg)
        if life.world.time >= FAULTS_UNTIL or not self._failing:
            return
        if self._killer and random.Random(f"{event}/{group}/{self._seed}").random() < self._killer:
            life.kill(f"by an event of {group}")
        left = self._left.get((group, event))
        if left is None:
            left = self._left[group, event] = self._decide(group, event)
        if left:
            self.doomed.add((group, event))
            raise left.pop()

    def _decide(self, group: str, event: str) -> list[Exception]:
        chance = random.Random(f"{self._seed}/{group}/{event}")
        if chance.random() >= self._failing:
            return []
        if chance.random() < 0.15:
            # The first in a batch, the second alone: only that one counts.
            return [Permanent("never"), Permanent("never")]
        error = chance.choice((Transient("later"), ValueError("a bug"), KeyError("another")))
        return [error] * chance.randint(1, 2 * _MOST_TRIES)


def _full(instant: datetime) -> datetime:
    """Return the next of the instants at which many alarms are due."""
    second = instant.replace(microsecond=0)
    return second + timedelta(seconds=_ALARMS_EVERY.seconds - second.second % _ALARMS_EVERY.seconds)
