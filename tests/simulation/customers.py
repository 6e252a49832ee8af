"""Customers with the provider between: signed webhooks, delivered until they are taken, often more than once."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from hub.contracts import WebhookRequest
from hub.pipeline.intake import Head
from tests.simulation.plan import FAULTS_UNTIL
from tests.simulation.world import World
from tests.support.clock import MONDAY_MORNING
from tests.support.embedded_hub import PATH, SECRET
from tests.support.webhooks import of_messages, other, text

if TYPE_CHECKING:
    from tests.simulation.life import Life

GARBAGE: Final = b'{"object": "nothing of ours'
"""A signed body that nobody can read."""

_OK: Final = 200
_BAD_SIGNATURE: Final = 401
_SOURCE: Final = "192.0.2.1"


@dataclass(slots=True, eq=False)
class Delivery:
    """One webhook, sent any number of times.

    Attributes:
        body: The same bytes each time.
        genuine: Whether it is signed; a forged one must never be taken.
        open: Copies that nobody has taken yet.
        accepted: How many copies were answered 200.
    """

    name: str
    body: bytes
    genuine: bool = True
    open: int = 0
    accepted: int = 0


class Customers:
    """What they say, by which webhooks it comes."""

    def __init__(self, world: World, conversations: int) -> None:
        """Let people write until a moment before the last fault."""
        self.deliveries: list[Delivery] = []
        self.life: Life | None = None
        self._world = world
        self._chance = world.chance("customers")
        self._under_way: dict[tuple[int, int], Delivery] = {}
        self._tries = 0
        self._write(conversations)

    @property
    def waiting(self) -> int:
        """How many copies nobody has taken yet."""
        return sum(delivery.open for delivery in self.deliveries)

    def send(self, name: str, body: bytes, at: float, *, genuine: bool = True, copies: int = 1) -> None:
        """Send a webhook, so many times."""
        delivery = Delivery(name, body, genuine, copies)
        self.deliveries.append(delivery)
        for copy in range(copies):
            late = 0.0 if copy == 0 else self._chance.choice((0.0, 0.01, 1.0, 20.0)) * self._chance.random()
            self._world.at(at + late, self._try, delivery)

    def hung_up(self) -> None:
        """Try again what was under way when the hub died: no answer came."""
        for delivery in self._under_way.values():
            self._again(delivery)
        self._under_way.clear()

    def _write(self, conversations: int) -> None:
        chance = self._chance
        lines = [
            (chance.uniform(0, FAULTS_UNTIL - 5) if number else chance.uniform(0, 30), person, number)
            for person in range(conversations)
            for number in range(chance.choice((1, 2, 3, 4)))
        ]
        lines.sort()
        while lines:
            size = chance.choice((1, 1, 1, 2, 3))
            some, lines = lines[:size], lines[size:]
            name = f"m{len(self.deliveries)}"
            copies = chance.choice((1, 1, 1, 2, 3, 5))
            self.send(name, of_messages(*(self._message(*line) for line in some)), some[-1][0], copies=copies)
        for number in range(chance.choice((0, 0, 1, 3))):
            self.send(
                f"forged{number}", of_messages(text(f"wamid.forged.{number}")), 40 * chance.random(), genuine=False
            )
        if chance.random() < 0.2:
            self.send("garbage", GARBAGE, 60 * chance.random(), copies=2)

    def _message(self, at: float, person: int, number: int) -> dict[str, Any]:
        id_, sender = f"wamid.{person}.{number}", f"52122200{person:05d}"
        if self._chance.random() < 0.05:
            return other(id_, "hologram", sender=sender)
        # Some tickets' clocks run from when it was said; the others are due all at once, those of late comers long ago.
        wrote = MONDAY_MORNING + timedelta(seconds=at) if person % 2 else None
        return text(id_, f"{number}: {at:.3f}", sender=sender, at=wrote)

    def _again(self, delivery: Delivery) -> None:
        self._world.after(self._chance.uniform(0.2, 4), self._try, delivery)

    def _try(self, delivery: Delivery) -> None:
        life = self.life
        if life is None or life.intake is None:
            self._again(delivery)
            return
        self._tries += 1
        ticket = (self._tries, id(life))
        self._under_way[ticket] = delivery
        life.loop.create_task(self._push(life, ticket, delivery), name=f"post-{delivery.name}")

    async def _push(self, life: Life, ticket: tuple[int, int], delivery: Delivery) -> None:
        intake = life.intake
        assert intake is not None
        head = Head("POST", PATH, 300, len(delivery.body), _SOURCE)
        answer = intake.admit(head) or await intake.take(_request(delivery), _SOURCE)
        if life.dead:
            return
        self._under_way.pop(ticket, None)
        self._world.note("webhook", delivery.name, answer.status)
        if answer.status == _OK:
            delivery.accepted += 1
            delivery.open -= 1
            if not delivery.genuine:
                self._world.problem(f"the forged webhook {delivery.name} was taken")
        elif not delivery.genuine and answer.status == _BAD_SIGNATURE:
            delivery.open -= 1
        else:
            self._again(delivery)


def said(body: bytes) -> list[tuple[str, str]]:
    """Return sender with id of each message in a webhook; none in one that cannot be read."""
    try:
        entries = json.loads(body)["entry"]
    except ValueError:
        return []
    changes = [change["value"] for entry in entries for change in entry["changes"]]
    return [(message["from"], message["id"]) for value in changes for message in value.get("messages", ())]


def _request(delivery: Delivery) -> WebhookRequest:
    secret = SECRET if delivery.genuine else b"a-forged-secret"
    signature = "sha256=" + hmac.new(secret, delivery.body, hashlib.sha256).hexdigest()
    headers = {"content-type": "application/json", "x-hub-signature-256": signature}
    return WebhookRequest("POST", PATH, "", headers, delivery.body)
