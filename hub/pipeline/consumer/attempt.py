"""Handles events of one group inside a transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.engine import Row

from hub import killpoints
from hub.contracts import Handler, Ports
from hub.errors import HubError, StoreUnavailable
from hub.store import events, groups
from hub.store.train import RehearsalDiffered
from hub.store.transaction import KEY, Origin, Policies, UnitOfWork
from schemas.envelope import CloudEvent

NO_FAULT_OF_THE_EVENT: Final = (StoreUnavailable, RehearsalDiffered)
"""What may go wrong around an event that says nothing of it: never an attempt, never a dead letter."""


class PolicyMoved(HubError):
    """The rules changed between preparing an event and handling it; prepare again."""


class Escaped(HubError):
    """A handler raised what is meant to end a process, a task or an iteration; it ends only its own event."""


@dataclass(frozen=True, slots=True)
class InLine:
    """One event of a key in its place.

    Attributes:
        after: How far the group must be with the key when the event is handled; None when it never met the key.
    """

    row: Row[Any]
    after: int | None


@dataclass(frozen=True, slots=True)
class Prepared:
    """One event ready to be handled: decoded, with what ``prepare`` made of it."""

    position: int
    event: CloudEvent[Any]
    after: int | None = None
    made: Any = None
    policy_version: int = 0


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a batch.

    Attributes:
        handled: Events, in the order of their handling.
        busy: Keys that another worker, group or intake had in hand; nothing of them was looked at.
    """

    handled: list[Prepared]
    busy: frozenset[str] = frozenset()


def in_line(rows: Sequence[Row[Any]]) -> list[InLine]:
    """Put events behind each other, key by key.

    Args:
        rows: In order of position; none of a key's undone events may be missing before another of it.
    """
    last: dict[str, int | None] = {}
    found = []
    for row in rows:
        found.append(InLine(row, last.get(row.key, row.done)))
        last[row.key] = row.position
    return found


def prepare(handler: Handler, row: Row[Any], policies: Policies, after: int | None = None) -> Prepared:
    """Decode an event, then run the handler's pure part.

    Raises:
        Unreadable: The event is of a type or shape that this code does not know.
    """
    event = events.envelope(row)
    if handler.prepare is None:
        return Prepared(row.position, event, after)
    made = _contained(handler.prepare, event, Ports(policies))
    return Prepared(row.position, event, after, made, policies.version)


async def prepare_all(handler: Handler, line: Sequence[InLine], policies: Policies) -> list[Prepared]:
    """Prepare events, beside the event loop when the handler has work of its own to do."""

    def work() -> list[Prepared]:
        return [prepare(handler, one.row, policies, one.after) for one in line]

    return work() if handler.prepare is None else await asyncio.to_thread(work)


def handle_one(handler: Handler, unit: UnitOfWork, prepared: Prepared) -> None:
    """Run the handler on one event.

    Raises:
        PolicyMoved: The event was prepared with other rules than those of the transaction.
    """
    event = prepared.event
    if handler.prepare is not None and prepared.policy_version != unit.policies.version:
        msg = "the policies have a newer version than the one that was prepared with"
        raise PolicyMoved(msg)
    tx = unit.begin(Origin(event.id, handler.group, f"hub:{handler.group}", event.traceparent, born=event.receivedat))
    ports = Ports(unit.policies)
    if handler.prepare is None:
        _contained(handler.handle, event, tx, ports)
    else:
        _contained(handler.handle, event, prepared.made, tx, ports)


def batch(
    handler: Handler, line: Sequence[Prepared], *, even_held: bool = False, waits: bool = False
) -> Callable[[UnitOfWork], Done]:
    """Return the function that handles a batch in order, moves the positions, tells what it handled.

    Keys that somebody else has in hand are left out, unless it ``waits`` for them. An event is handled only right
    behind what came before it in its key, so that nothing is passed over: not what failed a moment ago, not what
    another worker has done only in part. What was done meanwhile is left alone, as is all of a key that is held.
    """

    def work(unit: UnitOfWork) -> Done:
        tx = unit.begin(Origin("", handler.group, "hub"))
        wanted = keys = {one.event.partitionkey for one in line}
        if waits:
            tx.lock(KEY, keys)
        else:
            keys = tx.try_lock(KEY, wanted)
        found = groups.positions(tx, handler.group, keys)
        held = {key for key, row in found.items() if row.held_until is not None and row.held_until > unit.now}
        reached: dict[str, int | None] = {key: row.position for key, row in found.items()}
        done: dict[str, int] = {}
        handled = []
        for one in line:
            key = one.event.partitionkey
            if key not in keys:
                continue
            if one.after != reached.get(key) or (key in held and not even_held):
                continue
            reached[key] = done[key] = one.position
            handled.append(one)
        if handler.look_up is not None and handled:
            _contained(handler.look_up, tx, [one.event.data for one in handled])
        for one in handled:
            handle_one(handler, unit, one)
        groups.advance(tx, handler.group, done)
        killpoints.reached("consumer.before_commit")
        return Done(handled, frozenset(wanted - keys))

    return work


def _contained(code: Callable[..., Any], *arguments: object) -> Any:
    try:
        return code(*arguments)
    except BaseException as error:
        # StopIteration included: no future can carry it, whoever awaits one would wait for ever.
        if isinstance(error, Exception) and not isinstance(error, StopIteration):
            raise
        msg = f"the handler raised {type(error).__name__}"
        raise Escaped(msg) from error
