"""Customers who write to the hub without end, each the next line once the one before was accepted."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.support.simulated_whatsapp import LedgerTail, SimulatedWhatsApp

_FIRST: Final = 6
# With the greeting as many as the hub may send to one person at once: more would wait for seconds.
_MOST_LINES: Final = 9
_LEAST_LINES: Final = 2
_MOST_A_LIFE: Final = 10
_UNREADABLE: Final = 0.03


@dataclass
class Crowd:
    """Says what a seed gives, keeps what was said; reads the provider's ledger as it grows.

    Attributes:
        said: The lines of each phone, in order.
        refused: Webhooks that nobody can read: each must become one dead letter.
        ledger: Everything that the provider has written down.
        held: Effects whose call the provider took without answering.
    """

    chance: random.Random
    whatsapp: SimulatedWhatsApp
    directory: Path
    said: dict[str, list[str]] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    ledger: list[dict[str, Any]] = field(default_factory=list)
    held: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Let the first of them come."""
        self._tail = LedgerTail(self.directory)
        self._waiting: dict[str, str] = {}
        self._webhooks: dict[str, list[str]] = {}
        self._not_accepted: set[str] = set()
        self._breath = 0
        for _ in range(_FIRST):
            self.arrive()

    def arrive(self) -> None:
        """Let somebody new come, with words for everybody's next lines."""
        self._breath = _MOST_A_LIFE
        self.said[f"+52222{len(self.said):07d}"] = []

    def speak(self) -> None:
        """Say one thing, if there is anybody to whom it is the turn."""
        self.listen()
        if self._breath == 0:
            return
        self._breath -= 1
        free = [phone for phone, lines in self.said.items() if phone not in self._waiting and len(lines) < _MOST_LINES]
        if self.chance.random() < _UNREADABLE:
            self.mumble()
        elif free:
            together = self.chance.sample(free, min(len(free), self.chance.choice((1, 1, 1, 2, 4))))
            self._say(together)

    def mumble(self) -> None:
        """Let the provider send what nobody can read."""
        body = b'{"object": "whatsapp_business_account", "entry": "none %d"}' % len(self.refused)
        self.refused.add(self.whatsapp.deliver(body))

    def listen(self) -> None:
        """Read what the provider has written down meanwhile."""
        for entry in self._tail.more():
            self.ledger.append(entry)
            if entry["kind"] == "webhook":
                self._not_accepted.add(entry["webhook"])
                self._webhooks[entry["webhook"]] = [id_ for id_, _ in entry["about"]]
            elif entry["kind"] == "attempt" and entry["status"] == 200:
                self._not_accepted.discard(entry["webhook"])
                accepted = set(self._webhooks.get(entry["webhook"], ()))
                self._waiting = {phone: id_ for phone, id_ in self._waiting.items() if id_ not in accepted}
            elif entry["kind"] == "send" and entry["answer"] == "hang":
                self.held.add(entry["effect"])

    def have_their_say(self) -> bool:
        """Let everybody say a second line; True when all have."""
        self.listen()
        if silent := [phone for phone, lines in self.said.items() if len(lines) < _LEAST_LINES]:
            self._say([phone for phone in silent if phone not in self._waiting])
        return not silent

    @property
    def all_accepted(self) -> bool:
        """Whether the hub has answered 200 for all that was ever sent."""
        self.listen()
        return not self._not_accepted and not self._waiting

    @property
    def lines(self) -> int:
        """How many lines were said."""
        return sum(map(len, self.said.values()))

    def misbehave(self, *, hold: bool) -> None:
        """Let the provider behave as the seed says until the next time; with ``hold`` it answers its next call late."""
        answers = [{"do": "hang", "taken": self.chance.random() < 0.5, "seconds": 0.5}] if hold else []
        self.whatsapp.faults(
            duplicate=self.chance.choice((0, 0, 0, 1, 4)),
            delay_ms=self.chance.choice((0, 0, 10)),
            drop_statuses=self.chance.choice(((), (), ("delivered",))),
            answers=answers,
        )

    def behave(self) -> None:
        """Let the provider behave well from now on."""
        self.whatsapp.faults()

    def _say(self, phones: list[str]) -> None:
        sayings = []
        for phone in phones:
            number = len(self.said[phone])
            text = f"{phone} dice {number}"
            id_ = f"wamid.{phone}.{number}"
            self.said[phone].append(text)
            self._waiting[phone] = id_
            sayings.append({"from": phone, "text": text, "id": id_})
        if sayings:
            self.whatsapp.say_all(sayings)
