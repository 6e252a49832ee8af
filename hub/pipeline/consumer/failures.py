"""What becomes of an event that its group failed on: a hold, later a dead letter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy.engine import Row

from hub.contracts import Handler
from hub.errors import Permanent, Transient, Unreadable
from hub.services import dead_letters
from hub.services.dead_letters import Letter
from hub.store import groups
from hub.store.transaction import Origin, UnitOfWork
from schemas.operations import ReasonClass

Verdict = Literal["held", "dead", "done"]

_LONGEST_TEXT: Final = 500


class Poison(Permanent):
    """An event that took the process down with it, again and again."""


def describe(error: BaseException) -> str:
    """Return an error as one line for people, without any traceback."""
    return f"{type(error).__name__}: {error}"[:_LONGEST_TEXT]


def classify(error: BaseException) -> ReasonClass:
    """Return the class of reason under which an error is given up on (OP-08)."""
    if isinstance(error, Poison):
        return "poison"
    if isinstance(error, Unreadable):
        return "unreadable"
    if isinstance(error, Permanent):
        return "permanent"
    return "exhausted" if isinstance(error, Transient) else "ours"


def after_failure(
    handler: Handler, event: Row[Any], error: Exception, *, ladder: Sequence[float], start: int
) -> Callable[[UnitOfWork], tuple[Verdict, datetime | None]]:
    """Return the function that holds the event's key for the next pause of the ladder, or gives the event up."""

    def decide(unit: UnitOfWork) -> tuple[Verdict, datetime | None]:
        tx = unit.begin(Origin(event.id, handler.group, f"hub:{handler.group}", event.traceparent))
        found = groups.positions(tx, handler.group, [event.key]).get(event.key)
        if found is not None and event.position <= found.position:
            return "done", None
        attempts = (found.attempts if found is not None else 0) + 1
        past = (found.history if found is not None else None) or []
        history = [*past, {"at": unit.now.isoformat(), "error": describe(error)}]
        if isinstance(error, Permanent) or attempts > len(ladder):
            _bury(unit, handler, event, error, history)
            return "dead", None
        until = unit.now + timedelta(seconds=ladder[attempts - 1])
        position = start if found is None else found.position
        groups.hold(tx, handler.group, event.key, position=position, attempts=attempts, until=until, history=history)
        return "held", until

    return decide


def give_up(handler: Handler, event: Row[Any], error: Exception) -> Callable[[UnitOfWork], None]:
    """Return the function that makes a dead letter of an event at once."""

    def bury(unit: UnitOfWork) -> None:
        _bury(unit, handler, event, error, [{"at": unit.now.isoformat(), "error": describe(error)}])

    return bury


def _bury(unit: UnitOfWork, handler: Handler, event: Row[Any], error: Exception, history: list[Any]) -> None:
    tx = unit.begin(Origin(event.id, handler.group, f"hub:{handler.group}", event.traceparent))
    letter = Letter(
        scope="event",
        group=handler.group,
        item=event.id,
        key=event.key,
        type=event.type,
        origin=f"hub.log position {event.position}",
        reason_class=classify(error),
        reason=describe(error),
        owner=handler.owner,
        attempts=history,
    )
    dead_letters.add(tx, letter)
    groups.advance(tx, handler.group, {event.key: event.position})
