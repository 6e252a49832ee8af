"""What becomes of an event that its group failed on: a hold, later a dead letter."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from hub.contracts import Handler
from hub.errors import Permanent, Transient, Unreadable
from hub.pipeline.consumer.attempt import InLine
from hub.services import dead_letters
from hub.services.dead_letters import Letter
from hub.store import groups
from hub.store.transaction import KEY, Origin, Transaction, UnitOfWork
from schemas.operations import ReasonClass

Verdict = Literal["held", "dead", "done"]

_LONGEST_TEXT: Final = 500
_TELLING: Final = ("handlers.", "hub.services.", "hub.domain.", "schemas.")


class Poison(Permanent):
    """An event that took the process down with it, again and again."""


def describe(error: BaseException) -> str:
    """Return an error as one line for people, without any traceback, such that every database can hold it."""
    try:
        text = str(error)
    except Exception as broken:  # noqa: BLE001 - an error that cannot be told must still become a dead letter
        text = f"(its text cannot be told: {type(broken).__name__})"
    told = f"{type(error).__name__}: {text}".replace("\0", "")
    return told.encode("utf-8", "replace").decode()[:_LONGEST_TEXT]


def where(error: BaseException) -> str:
    """Return the place that an error came from, as ``module:line function``: the innermost in handlers or services."""
    frames = [(str(f.f_globals.get("__name__")), line, f) for f, line in traceback.walk_tb(error.__traceback__)]
    telling = [frame for frame in frames if frame[0].startswith(_TELLING)]
    return "".join(f"{module}:{line} {frame.f_code.co_name}" for module, line, frame in (telling or frames)[-1:])


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
    handler: Handler, failed: InLine, error: Exception, *, ladder: Sequence[float], start: int
) -> Callable[[UnitOfWork], tuple[Verdict, datetime | None]]:
    """Return the function that holds the event's key for the next pause of the ladder, or gives the event up."""
    event = failed.row

    def decide(unit: UnitOfWork) -> tuple[Verdict, datetime | None]:
        tx = _begin(unit, handler, failed)
        found = groups.positions(tx, handler.group, [event.key]).get(event.key)
        if (None if found is None else found.position) != failed.after:
            return "done", None
        attempts = (found.attempts if found is not None else 0) + 1
        past = (found.history if found is not None else None) or []
        history = [*past, _attempt(unit, error)]
        if isinstance(error, Permanent) or attempts > len(ladder):
            _bury(tx, handler, failed, error, history)
            return "dead", None
        until = unit.now + timedelta(seconds=ladder[attempts - 1])
        position = start if found is None else found.position
        groups.hold(tx, handler.group, event.key, position=position, attempts=attempts, until=until, history=history)
        return "held", until

    return decide


def give_up(handler: Handler, failed: InLine, error: Exception) -> Callable[[UnitOfWork], None]:
    """Return the function that makes a dead letter of an event at once, unless its turn has passed or is not yet."""

    def bury(unit: UnitOfWork) -> None:
        tx = _begin(unit, handler, failed)
        found = groups.positions(tx, handler.group, [failed.row.key]).get(failed.row.key)
        if (None if found is None else found.position) == failed.after:
            past = (found.history if found is not None else None) or []
            _bury(tx, handler, failed, error, [*past, _attempt(unit, error)])

    return bury


def _begin(unit: UnitOfWork, handler: Handler, failed: InLine) -> Transaction:
    event = failed.row
    tx = unit.begin(Origin(event.id, handler.group, f"hub:{handler.group}", event.traceparent, born=event.receivedat))
    tx.lock(KEY, [event.key])
    return tx


def _attempt(unit: UnitOfWork, error: Exception) -> dict[str, str]:
    return {"at": unit.now.isoformat(), "error": describe(error), "where": where(error)}


def _bury(tx: Transaction, handler: Handler, failed: InLine, error: Exception, history: list[Any]) -> None:
    event = failed.row
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
