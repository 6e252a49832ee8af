"""Handles events of one group inside a transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Row

from hub import killpoints
from hub.contracts import Handler, Ports
from hub.errors import HubError
from hub.store import events, groups
from hub.store.transaction import Origin, Policies, UnitOfWork
from schemas.envelope import CloudEvent


class PolicyMoved(HubError):
    """The rules changed between preparing an event and handling it; prepare again."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """One event ready to be handled: decoded, with what ``prepare`` made of it."""

    position: int
    event: CloudEvent[Any]
    made: Any = None
    policy_version: int = 0


def prepare(handler: Handler, row: Row[Any], policies: Policies) -> Prepared:
    """Decode an event, then run the handler's pure part.

    Raises:
        Unreadable: The event is of a type or shape that this code does not know.
    """
    event = events.envelope(row)
    if handler.prepare is None:
        return Prepared(row.position, event)
    made = handler.prepare(event, Ports(policies))
    return Prepared(row.position, event, made, policies.version)


def handle_one(handler: Handler, unit: UnitOfWork, prepared: Prepared) -> None:
    """Run the handler on one event."""
    event = prepared.event
    if handler.prepare is not None and prepared.policy_version != unit.policies.version:
        msg = "the policies have a newer version than the one that was prepared with"
        raise PolicyMoved(msg)
    tx = unit.begin(Origin(event.id, handler.group, f"hub:{handler.group}", event.traceparent))
    ports = Ports(unit.policies)
    if handler.prepare is None:
        handler.handle(event, tx, ports)
    else:
        handler.handle(event, prepared.made, tx, ports)


def batch(handler: Handler, batch: Sequence[Prepared]) -> Callable[[UnitOfWork], list[Prepared]]:
    """Return the function that handles a batch in order, moves the positions, tells what it handled.

    What another worker has done meanwhile is passed over, as is all of a key that is held.
    """

    def work(unit: UnitOfWork) -> list[Prepared]:
        tx = unit.begin(Origin("", handler.group, "hub"))
        found = groups.positions(tx, handler.group, {one.event.partitionkey for one in batch})
        done: dict[str, int] = {}
        handled = []
        for one in batch:
            key = one.event.partitionkey
            row = found.get(key)
            if row is not None and (
                one.position <= row.position or (row.held_until is not None and row.held_until > unit.now)
            ):
                continue
            handle_one(handler, unit, one)
            done[key] = one.position
            handled.append(one)
        groups.advance(tx, handler.group, done)
        killpoints.reached("consumer.before_commit")
        return handled

    return work
