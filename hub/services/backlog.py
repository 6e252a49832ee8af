"""How much waits, where, since when: the figures behind alarms."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from hub.services import dead_letters
from hub.store import effects, events, groups
from hub.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class GroupBacklog:
    """How one group stands.

    Attributes:
        waiting: Events of its types that it has not done, held ones included.
        oldest_at: When the oldest of them was taken in.
        held_keys: Conversations that wait for another try.
        held_events: Events that wait behind those holds.
        handled: Whether this code has a handler for it.
    """

    group: str
    state: str
    reason: str | None
    probe_at: datetime | None
    waiting: int
    oldest_at: datetime | None
    held_keys: int
    held_events: int
    handled: bool


@dataclass(frozen=True, slots=True)
class Backlog:
    """Everything that waits behind the journal.

    Attributes:
        effects: Calls that have not ended by state, with when the oldest was asked for.
        newest: Position of the newest event.
    """

    groups: tuple[GroupBacklog, ...]
    dead_letters: int
    effects: Mapping[str, tuple[int, datetime]]
    newest: int

    @property
    def doubtful(self) -> int:
        """Calls of which nobody knows whether they arrived."""
        return self.effects["unknown"][0] if "unknown" in self.effects else 0


def measure(tx: Transaction, types: Mapping[str, Collection[str]]) -> Backlog:
    """Return what waits.

    Args:
        tx: Only reads.
        types: The event types of each group that this code has a handler for.
    """
    return Backlog(of_groups(tx, types), dead_letters.count_open(tx), effects.counts(tx), events.newest(tx))


def of_groups(tx: Transaction, types: Mapping[str, Collection[str]]) -> tuple[GroupBacklog, ...]:
    """Return how each group that the database knows stands."""
    found = []
    for row in groups.everyone(tx):
        handled = types.get(row.name)
        waiting, oldest, behind = (0, None, 0)
        if handled is not None:
            waiting, oldest, behind = events.undone_count(tx, row.name, handled, row.start, row.floor)
        found.append(
            GroupBacklog(
                group=row.name,
                state=row.state,
                reason=row.reason,
                probe_at=row.probe_at,
                waiting=waiting,
                oldest_at=oldest,
                held_keys=groups.count_held(tx, row.name),
                held_events=behind,
                handled=handled is not None,
            )
        )
    return tuple(found)
