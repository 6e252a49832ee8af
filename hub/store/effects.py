"""Effects as rows: one call to the outside each, with its state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import and_, bindparam, exists, func, insert, not_, or_, select, update
from sqlalchemy.engine import Row

from hub.store.tables import effects
from hub.store.transaction import Transaction

OPEN: Final = ("intent", "sending", "unknown")

_INSERT: Final = insert(effects)
_BY_ID: Final = select(effects).where(effects.c.id == bindparam("effect"))
_OF_STATUSES: Final = select(effects).where(
    or_(
        effects.c.id.in_(bindparam("ids", expanding=True)),
        effects.c.provider_id.in_(bindparam("provider_ids", expanding=True)),
    )
)
_OPEN_ASSETS: Final = select(effects.c.connector, effects.c.asset).where(effects.c.state.in_(OPEN)).distinct()
_EARLIER: Final = effects.alias("earlier")
# A doubtful effect waits for a person, for ever if need be: the conversation goes on without it.
_BLOCKED: Final = exists().where(
    _EARLIER.c.key == effects.c.key,
    _EARLIER.c.position < effects.c.position,
    _EARLIER.c.state.in_(OPEN),
    or_(_EARLIER.c.state != "unknown", _EARLIER.c.code.is_(None)),
)
_READY: Final = (
    select(effects)
    .where(
        effects.c.connector == bindparam("of_connector"),
        effects.c.asset == bindparam("of_asset"),
        effects.c.state == "intent",
        or_(effects.c.not_before.is_(None), effects.c.not_before <= bindparam("now")),
        effects.c.useful_until > bindparam("now"),
        not_(_BLOCKED),
    )
    .order_by(effects.c.position)
    .limit(bindparam("limit"))
)
_OVERDUE: Final = (
    select(effects)
    .where(
        effects.c.connector == bindparam("of_connector"),
        effects.c.asset == bindparam("of_asset"),
        or_(
            and_(effects.c.state == "intent", effects.c.useful_until <= bindparam("now")),
            and_(effects.c.state == "unknown", effects.c.code.is_(None), effects.c.not_before <= bindparam("now")),
        ),
    )
    .order_by(effects.c.position)
    .limit(bindparam("limit"))
)
_MOVE: Final = (
    update(effects)
    .where(
        effects.c.id == bindparam("effect"),
        effects.c.version == bindparam("expected"),
        effects.c.state == bindparam("old_state"),
    )
    .values(
        state=bindparam("new_state"),
        attempts=bindparam("tries"),
        not_before=bindparam("earliest"),
        provider_id=func.coalesce(bindparam("taken_as"), effects.c.provider_id),
        code=bindparam("new_code"),
        explanation_es=bindparam("explanation"),
        settled_at=bindparam("ended_at"),
        version=effects.c.version + 1,
    )
)
_COUNTS: Final = (
    select(effects.c.state, func.count(), func.min(effects.c.requested_at))
    .where(effects.c.state.in_(OPEN))
    .group_by(effects.c.state)
)
_LIST: Final = (
    select(effects)
    .where(effects.c.state.in_(bindparam("states", expanding=True)))
    .order_by(effects.c.position.desc())
    .limit(bindparam("limit"))
)


def request(tx: Transaction, effect: Mapping[str, Any]) -> None:
    """Write an effect in state ``intent``; the worker carries it out after the commit."""
    tx.run(
        _INSERT,
        **effect,
        state="intent",
        attempts=0,
        not_before=None,
        cause=tx.origin.cause,
        traceparent=tx.origin.traceparent,
        provider_id=None,
        code=None,
        explanation_es=None,
        requested_at=tx.now,
        settled_at=None,
        version=1,
    )
    tx.signal("effects")


def get(tx: Transaction, effect_id: str) -> Row[Any] | None:
    """Return one effect."""
    return tx.one(_BY_ID, effect=effect_id)


def of_statuses(tx: Transaction, ids: Iterable[str], provider_ids: Iterable[str]) -> Sequence[Row[Any]]:
    """Return the effects that statuses speak of, by our id or the provider's."""
    return tx.all(_OF_STATUSES, ids=sorted(set(ids)), provider_ids=sorted(set(provider_ids)))


def open_assets(tx: Transaction) -> Sequence[tuple[str, str]]:
    """Return (connector, asset) of everything that has an effect under way."""
    return [(row.connector, row.asset) for row in tx.all(_OPEN_ASSETS)]


def ready(tx: Transaction, connector: str, asset: str, limit: int) -> Sequence[Row[Any]]:
    """Return what may be sent now through an asset: of each conversation the first that has not ended."""
    return tx.all(_READY, of_connector=connector, of_asset=asset, now=tx.now, limit=limit)


def overdue(tx: Transaction, connector: str, asset: str, limit: int) -> Sequence[Row[Any]]:
    """Return intents past their last useful instant, with sends that nothing settled in time."""
    return tx.all(_OVERDUE, of_connector=connector, of_asset=asset, now=tx.now, limit=limit)


def move(
    tx: Transaction,
    effect: Row[Any],
    state: str,
    *,
    attempts: int | None = None,
    not_before: datetime | None = None,
    provider_id: str | None = None,
    code: str | None = None,
    explanation_es: str | None = None,
) -> bool:
    """Move an effect on, unless it was moved meanwhile (then False)."""
    if state != "sending":
        tx.signal("effects")
    touched = tx.run(
        _MOVE,
        effect=effect.id,
        expected=effect.version,
        old_state=effect.state,
        new_state=state,
        tries=effect.attempts if attempts is None else attempts,
        earliest=not_before,
        taken_as=provider_id,
        new_code=code,
        explanation=explanation_es,
        ended_at=None if state in OPEN else tx.now,
    )
    return touched == 1


def counts(tx: Transaction) -> dict[str, tuple[int, datetime]]:
    """Return how many effects are under way by state, with when the oldest was asked for."""
    return {row[0]: (row[1], row[2]) for row in tx.all(_COUNTS)}


def listing(tx: Transaction, states: Iterable[str], limit: int = 100) -> Sequence[Row[Any]]:
    """Return effects in the named states, newest first."""
    return tx.all(_LIST, states=list(states), limit=limit)
