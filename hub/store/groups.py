"""Consumer groups: where each began, how far it is with each key, which keys wait."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Row

from hub.store.tables import dead_letters, events, group_keys, groups, suspects, timers
from hub.store.transaction import Transaction
from schemas.operations import TimerFired

_ALL: Final = select(groups).order_by(groups.c.name)
_GET: Final = select(groups).where(groups.c.name == bindparam("of_group"))
_ADD: Final = insert(groups).on_conflict_do_nothing()
_FLOOR: Final = (
    update(groups)
    .where(groups.c.name == bindparam("of_group"), groups.c.floor < bindparam("to_floor"))
    .values(floor=bindparam("to_floor"))
)
_STATE: Final = (
    update(groups)
    .where(groups.c.name == bindparam("of_group"))
    .values(
        state=bindparam("new_state"),
        reason=bindparam("why"),
        probe_at=bindparam("next_probe"),
        probe_wait_seconds=bindparam("wait"),
    )
)
_DROP: Final = delete(groups).where(groups.c.name == bindparam("of_group"))
_DROP_KEYS: Final = delete(group_keys).where(group_keys.c.group == bindparam("of_group"))
_DISARM: Final = (
    update(timers).where(timers.c.group == bindparam("of_group"), timers.c.state == "armed").values(state="cancelled")
)
_RENAME: Final = update(groups).where(groups.c.name == bindparam("of_group")).values(name=bindparam("new_name"))
# All that goes by a group's name; a timer that has fired, yet was not answered, asks the group that its subject names.
_RENAME_WITH_IT: Final = (
    *(
        update(table).where(table.c.group == bindparam("of_group")).values(group=bindparam("new_name"))
        for table in (group_keys, timers, dead_letters)
    ),
    update(suspects).where(suspects.c.scope == bindparam("of_group")).values(scope=bindparam("new_name")),
    update(events)
    .where(
        events.c.position > select(groups.c.floor).where(groups.c.name == bindparam("of_group")).scalar_subquery(),
        events.c.type == TimerFired.TYPE,
        events.c.subject == bindparam("of_group"),
    )
    .values(subject=bindparam("new_name")),
)

_KEYS: Final = select(group_keys).where(
    group_keys.c.group == bindparam("of_group"), group_keys.c.key.in_(bindparam("keys", expanding=True))
)
_UPSERT: Final = insert(group_keys)
_ADVANCE: Final = _UPSERT.on_conflict_do_update(
    index_elements=["group", "key"],
    set_={
        "position": _UPSERT.excluded.position,
        "attempts": _UPSERT.excluded.attempts,
        "held_until": _UPSERT.excluded.held_until,
        "history": _UPSERT.excluded.history,
    },
)
_HELD: Final = (
    select(group_keys.c.key, group_keys.c.held_until, group_keys.c.attempts, group_keys.c.history)
    .where(group_keys.c.group == bindparam("of_group"), group_keys.c.held_until.is_not(None))
    .order_by(group_keys.c.held_until)
    .limit(bindparam("limit"))
)
_COUNT_HELD: Final = (
    select(func.count())
    .select_from(group_keys)
    .where(group_keys.c.group == bindparam("of_group"), group_keys.c.held_until.is_not(None))
)
_RELEASE: Final = (
    update(group_keys)
    .where(group_keys.c.group == bindparam("of_group"), group_keys.c.held_until.is_not(None))
    .values(held_until=bindparam("at"))
)


def everyone(tx: Transaction) -> Sequence[Row[Any]]:
    """Return every group that the database knows."""
    return tx.all(_ALL)


def get(tx: Transaction, group: str) -> Row[Any] | None:
    """Return one group."""
    return tx.one(_GET, of_group=group)


def add(tx: Transaction, group: str, start: int) -> None:
    """Make a group known; it begins after ``start``."""
    tx.run(_ADD, name=group, start=start, floor=start, state="active", reason=None, probe_at=None, probe_wait_seconds=0)


def set_floor(tx: Transaction, group: str, floor: int) -> None:
    """Note that a group has done everything at or below a position; it never goes back."""
    tx.run(_FLOOR, of_group=group, to_floor=floor)


def set_state(
    tx: Transaction, group: str, state: str, *, reason: str | None, probe_at: datetime | None, wait_seconds: int
) -> int:
    """Pause a group or let it go on."""
    tx.signal("groups")
    return tx.run(_STATE, of_group=group, new_state=state, why=reason, next_probe=probe_at, wait=wait_seconds)


def drop(tx: Transaction, group: str) -> None:
    """Forget a group with all it did; what it wanted to be asked is asked no more."""
    tx.run(_DISARM, of_group=group)
    tx.run(_DROP_KEYS, of_group=group)
    tx.run(_DROP, of_group=group)


def rename(tx: Transaction, group: str, new_name: str) -> None:
    """Let a renamed group go on where it was, with its timers, its dead letters."""
    for statement in _RENAME_WITH_IT:
        tx.run(statement, of_group=group, new_name=new_name)
    tx.run(_RENAME, of_group=group, new_name=new_name)


def positions(tx: Transaction, group: str, keys: Iterable[str]) -> dict[str, Row[Any]]:
    """Return how far a group is with each of these keys."""
    return {row.key: row for row in tx.all(_KEYS, of_group=group, keys=sorted(keys))}


def advance(tx: Transaction, group: str, done: Mapping[str, int]) -> None:
    """Say that everything at or below a position is done, key by key; a hold on the key ends."""
    tx.write_many(
        _ADVANCE,
        [
            {"group": group, "key": key, "position": position, "attempts": 0, "held_until": None, "history": None}
            for key, position in done.items()
        ],
    )


def hold(
    tx: Transaction, group: str, key: str, *, position: int, attempts: int, until: datetime, history: list[Any]
) -> None:
    """Let a key wait where it is."""
    row = {
        "group": group,
        "key": key,
        "position": position,
        "attempts": attempts,
        "held_until": until,
        "history": history,
    }
    tx.write_many(_ADVANCE, [row])


def held(tx: Transaction, group: str, limit: int = 1000) -> Sequence[Row[Any]]:
    """Return the keys that wait, the next to be tried first."""
    return tx.all(_HELD, of_group=group, limit=limit)


def count_held(tx: Transaction, group: str) -> int:
    """Return how many keys wait."""
    row = tx.one(_COUNT_HELD, of_group=group)
    return 0 if row is None else int(row[0])


def release(tx: Transaction, group: str) -> int:
    """Let every held key be tried now, then return how many."""
    return tx.run(_RELEASE, of_group=group, at=tx.now)
