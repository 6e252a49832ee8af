"""Timers as rows: something to ask a group at an instant, by name with generation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import bindparam, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Row

from hub.store.tables import timers
from hub.store.transaction import Transaction

_ARM: Final = insert(timers).values(
    group=bindparam("owner"),
    name=bindparam("timer"),
    key=bindparam("conversation"),
    generation=1,
    due=bindparam("at"),
    not_after=bindparam("last_useful"),
    state="armed",
    cause=bindparam("because"),
)
_REPLACE: Final = _ARM.on_conflict_do_update(
    index_elements=["group", "name"],
    set_={
        "key": _ARM.excluded.key,
        "generation": timers.c.generation + 1,
        "due": _ARM.excluded.due,
        "not_after": _ARM.excluded.not_after,
        "state": "armed",
        "cause": _ARM.excluded.cause,
    },
)
_ARM_AGAIN: Final = _REPLACE.returning(timers.c.generation)
_CANCEL: Final = (
    update(timers)
    .where(timers.c.group == bindparam("owner"), timers.c.name == bindparam("timer"), timers.c.state == "armed")
    .values(state="cancelled")
)
_GET: Final = select(timers).where(timers.c.group == bindparam("owner"), timers.c.name == bindparam("timer"))
# As a literal: a parameter that decides about a partial index makes SQLite prepare the statement at each execution.
_IS_ARMED: Final = timers.c.state == literal_column("'armed'")
_DUE: Final = (
    select(timers).where(_IS_ARMED, timers.c.due <= bindparam("now")).order_by(timers.c.due).limit(bindparam("limit"))
)
_NEXT_DUE: Final = select(func.min(timers.c.due)).where(_IS_ARMED)
_END: Final = (
    update(timers)
    .where(
        timers.c.group == bindparam("owner"),
        timers.c.name == bindparam("timer"),
        timers.c.generation == bindparam("of_generation"),
        timers.c.state == "armed",
    )
    .values(state=bindparam("new_state"))
)


def arm(tx: Transaction, name: str, due: datetime, *, key: str, not_after: datetime | None = None) -> int:
    """Ask to be told at an instant, then return the generation.

    A timer of the same name is replaced: what it still says carries an older generation.

    Args:
        tx: Its origin's ``by`` is the group that will be told.
        name: Unique within the group.
        due: When.
        key: The conversation in whose order it is told.
        not_after: The last instant at which it is still worth telling; later it expires in silence, counted.
    """
    row = tx.one(
        _ARM_AGAIN,
        owner=tx.origin.by,
        timer=name,
        conversation=key,
        at=due,
        last_useful=not_after,
        because=tx.origin.cause,
    )
    tx.signal("timers")
    return int(row.generation) if row is not None else 1


class Alarm(NamedTuple):
    """One timer to be armed; its words are those of ``arm``."""

    name: str
    due: datetime
    not_after: datetime | None = None


def arm_all(tx: Transaction, key: str, alarms: Sequence[Alarm], *, group: str | None = None) -> None:
    """Arm many timers of one conversation, as ``arm`` does; ``group`` is told instead of the one that asks."""
    owner, because = group or tx.origin.by, tx.origin.cause
    tx.write_many(
        _REPLACE,
        [
            {
                "owner": owner,
                "timer": alarm.name,
                "conversation": key,
                "at": alarm.due,
                "last_useful": alarm.not_after,
                "because": because,
            }
            for alarm in alarms
        ],
    )
    tx.signal("timers")


def is_armed(tx: Transaction, name: str, *, group: str) -> bool:
    """Tell whether a timer of a group still has to fire."""
    row = tx.one(_GET, owner=group, timer=name)
    return row is not None and row.state == "armed"


def cancel(tx: Transaction, name: str) -> None:
    """Take an armed timer back; one that has fired stays fired."""
    tx.run(_CANCEL, owner=tx.origin.by, timer=name)


def get(tx: Transaction, name: str) -> Row[Any] | None:
    """Return the current generation of a timer of this group."""
    return tx.one(_GET, owner=tx.origin.by, timer=name)


def due(tx: Transaction, limit: int) -> Sequence[Row[Any]]:
    """Return armed timers whose instant has come, earliest first."""
    return tx.all(_DUE, now=tx.now, limit=limit)


def next_due(tx: Transaction) -> datetime | None:
    """Return when the next armed timer is due."""
    row = tx.one(_NEXT_DUE)
    return None if row is None else row[0]


def end(tx: Transaction, timer: Row[Any], state: str) -> bool:
    """Move an armed generation to ``fired`` or ``expired``; False when somebody else did or it was replaced."""
    touched = tx.run(_END, owner=timer.group, timer=timer.name, of_generation=timer.generation, new_state=state)
    return touched == 1
