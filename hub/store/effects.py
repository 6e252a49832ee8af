"""Effects as rows: one call to the outside each, with its state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, exists, func, insert, literal_column, not_, or_, select, update
from sqlalchemy.engine import Row

from hub.store.tables import effects
from hub.store.transaction import Transaction

OPEN: Final = ("intent", "sending", "unknown")
SIGN: Final = "sign"
"""Kind of what nobody is told about: it is best effort, a second one does no harm."""

RESTORED: Final = "restored"
"""Code of what a restored database holds back, for a person to release in bulk."""

# Spelled out, not bound: SQLite uses a partial index only where the query repeats its condition word by word.
_OPEN_WORDS: Final[list[Any]] = [literal_column(f"'{state}'") for state in OPEN]
_IS_OPEN: Final = effects.c.state.in_(_OPEN_WORDS)
_IS_INTENT: Final = effects.c.state == literal_column("'intent'")
_IS_SENDING: Final = effects.c.state == literal_column("'sending'")
_IS_UNCLEAR: Final = (effects.c.state == literal_column("'unknown'")) & effects.c.code.is_(None)
_OF_ASSET: Final = (effects.c.connector == bindparam("of_connector")) & (effects.c.asset == bindparam("of_asset"))

_INSERT: Final = insert(effects)
_BY_ID: Final = select(effects).where(effects.c.id == bindparam("effect"))
_BY_IDS: Final = select(effects.c.id).where(effects.c.id.in_(bindparam("ids", expanding=True)))
_STILL_ACCEPTED: Final = _BY_IDS.where(or_(effects.c.state == "sending", effects.c.state == "accepted"))
_BY_PROVIDER_IDS: Final = select(effects.c.id, effects.c.provider_id).where(
    _OF_ASSET, effects.c.provider_id.in_(bindparam("provider_ids", expanding=True))
)
_NEXT_CONNECTOR: Final = select(func.min(effects.c.connector)).where(
    _IS_OPEN, effects.c.connector > bindparam("of_connector")
)
_NEXT_ASSET: Final = select(func.min(effects.c.asset)).where(
    _IS_OPEN, effects.c.connector == bindparam("of_connector"), effects.c.asset > bindparam("of_asset")
)
_EARLIER: Final = effects.alias("earlier")
# A doubtful effect waits for a person, for ever if need be: the conversation goes on without it.
_BLOCKED: Final = exists().where(
    _EARLIER.c.key == effects.c.key,
    _EARLIER.c.position < effects.c.position,
    _EARLIER.c.state.in_(_OPEN_WORDS),
    or_(_EARLIER.c.state != "unknown", _EARLIER.c.code.is_(None)),
)
_READY: Final = (
    select(effects)
    .where(
        _OF_ASSET,
        _IS_OPEN,
        _IS_INTENT,
        effects.c.not_before <= bindparam("now"),
        effects.c.useful_until > bindparam("now"),
        not_(_BLOCKED),
    )
    .order_by(effects.c.not_before, effects.c.position)
    .limit(bindparam("limit"))
)
_EXPIRED: Final = (
    select(effects)
    .where(_OF_ASSET, _IS_INTENT, effects.c.useful_until <= bindparam("now"))
    .order_by(effects.c.useful_until, effects.c.position)
    .limit(bindparam("limit"))
)
_UNSETTLED: Final = (
    select(effects)
    .where(_OF_ASSET, _IS_OPEN, _IS_UNCLEAR, effects.c.not_before <= bindparam("now"))
    .order_by(effects.c.not_before, effects.c.position)
    .limit(bindparam("limit"))
)
_UNDER_WAY: Final = select(effects).where(_OF_ASSET, _IS_OPEN, _IS_SENDING).order_by(effects.c.position)
_OLDEST_INTENT: Final = select(func.min(effects.c.not_before)).where(_OF_ASSET, _IS_OPEN, _IS_INTENT)
_ASKED_BEFORE: Final = (
    select(effects)
    .where(_IS_OPEN, _IS_INTENT, effects.c.requested_at < bindparam("instant"))
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
        not_before=bindparam("earliest"),
        provider_id=func.coalesce(bindparam("taken_as"), effects.c.provider_id),
        code=bindparam("new_code"),
        explanation_es=bindparam("explanation"),
        settled_at=bindparam("ended_at"),
        version=effects.c.version + 1,
    )
)
_CLAIM: Final = (
    update(effects)
    .where(
        effects.c.id == bindparam("effect"),
        effects.c.version == bindparam("expected"),
        effects.c.state == bindparam("old_state"),
    )
    .values(
        state="sending",
        attempts=effects.c.attempts + 1,
        not_before=None,
        code=None,
        explanation_es=None,
        version=effects.c.version + 1,
    )
    .returning(*effects.c)
)
_RETRY: Final = (
    update(effects)
    .where(effects.c.id == bindparam("effect"), effects.c.version == bindparam("expected"), effects.c.state == "failed")
    .values(
        state="intent",
        attempts=effects.c.attempts + 1,  # the failure keeps its number, so that the next one is told as another
        not_before=bindparam("earliest"),
        useful_until=bindparam("until"),
        code=None,
        explanation_es=None,
        settled_at=None,
        version=effects.c.version + 1,
    )
)
_COUNTS: Final = (
    select(effects.c.state, func.count(), func.min(effects.c.requested_at)).where(_IS_OPEN).group_by(effects.c.state)
)
_LIST: Final = (
    select(effects)
    .where(effects.c.state.in_(bindparam("states", expanding=True)))
    .order_by(effects.c.position.desc())
    .limit(bindparam("limit"))
)


def request(tx: Transaction, effect: Mapping[str, Any]) -> None:
    """Write an effect in state ``intent``; the worker carries it out after the commit."""
    _insert(tx, effect, state="intent")
    tx.signal("effects")


def refuse(tx: Transaction, effect: Mapping[str, Any], code: str, explanation_es: str) -> None:
    """Write an effect that failed before it was tried; a person sees it among the others."""
    _insert(tx, effect, state="failed", code=code, explanation_es=explanation_es, settled_at=tx.now)


def _insert(tx: Transaction, effect: Mapping[str, Any], **how: Any) -> None:
    unknown = dict.fromkeys(("provider_id", "code", "explanation_es", "settled_at"))
    row = {
        **effect,
        **unknown,
        "attempts": 0,
        "not_before": tx.now,
        "cause": tx.origin.cause,
        "traceparent": tx.origin.traceparent,
        "requested_at": tx.now,
        "version": 1,
    }
    tx.write(_INSERT, **(row | how))


def get(tx: Transaction, effect_id: str) -> Row[Any] | None:
    """Return one effect."""
    return tx.one(_BY_ID, effect=effect_id)


def known(tx: Transaction, ids: Iterable[str]) -> set[str]:
    """Return which of these ids, as a provider handed them back, are effects of ours."""
    wanted = sorted(set(ids))
    return {row.id for row in tx.all(_BY_IDS, ids=wanted)} if wanted else set()


def still_accepted(tx: Transaction, ids: Iterable[str]) -> set[str]:
    """Return which of these the provider took without having said more, recorded or not yet."""
    return {row.id for row in tx.all(_STILL_ACCEPTED, ids=sorted(ids))}


def by_provider_ids(tx: Transaction, connector: str, asset: str, provider_ids: Iterable[str]) -> dict[str, str]:
    """Return provider id -> effect id, of what the provider took through an asset."""
    wanted = sorted(set(provider_ids))
    rows = tx.all(_BY_PROVIDER_IDS, of_connector=connector, of_asset=asset, provider_ids=wanted)
    return {row.provider_id: row.id for row in rows}


def open_assets(tx: Transaction) -> Sequence[tuple[str, str]]:
    """Return (connector, asset) of everything that has an effect under way, hopping from one to the next."""
    found: list[tuple[str, str]] = []
    connector = ""
    while connector := _only(tx.one(_NEXT_CONNECTOR, of_connector=connector)):
        asset = ""
        while asset := _only(tx.one(_NEXT_ASSET, of_connector=connector, of_asset=asset)):
            found.append((connector, asset))
    return found


def ready(tx: Transaction, connector: str, asset: str, limit: int) -> Sequence[Row[Any]]:
    """Return what may be sent now through an asset: of each conversation the first that has not ended."""
    return tx.all(_READY, of_connector=connector, of_asset=asset, now=tx.now, limit=limit)


def overdue(tx: Transaction, connector: str, asset: str, limit: int) -> Sequence[Row[Any]]:
    """Return intents past their last useful instant, with sends that nothing settled in time."""
    about = {"of_connector": connector, "of_asset": asset, "now": tx.now, "limit": limit}
    return [*tx.all(_EXPIRED, **about), *tx.all(_UNSETTLED, **about)]


def under_way(tx: Transaction, connector: str, asset: str) -> Sequence[Row[Any]]:
    """Return what is being sent through an asset, as far as the database knows."""
    return tx.all(_UNDER_WAY, of_connector=connector, of_asset=asset)


def waiting_since(tx: Transaction, connector: str, asset: str) -> datetime | None:
    """Return since when the intent that is due longest could have been sent; later than now when it may not yet."""
    row = tx.one(_OLDEST_INTENT, of_connector=connector, of_asset=asset)
    return None if row is None else row[0]


def asked_before(tx: Transaction, instant: datetime, limit: int) -> Sequence[Row[Any]]:
    """Return intents that were asked for before an instant, oldest first."""
    return tx.all(_ASKED_BEFORE, instant=instant, limit=limit)


def claim(tx: Transaction, effect: Row[Any]) -> Row[Any] | None:
    """Begin one more attempt: return the effect in state ``sending``, None when it was moved meanwhile."""
    return tx.one(_CLAIM, effect=effect.id, expected=effect.version, old_state=effect.state)


def move(
    tx: Transaction,
    effect: Row[Any],
    state: str,
    *,
    not_before: datetime | None = None,
    provider_id: str | None = None,
    code: str | None = None,
    explanation_es: str | None = None,
) -> bool:
    """Move an effect on, unless it was moved meanwhile (then False).

    An intent without a ``not_before`` may go at once.
    """
    if state == "intent" and not_before is None:
        not_before = tx.now
    tx.signal("effects")
    touched = tx.run(
        _MOVE,
        effect=effect.id,
        expected=effect.version,
        old_state=effect.state,
        new_state=state,
        earliest=not_before,
        taken_as=provider_id,
        new_code=code,
        explanation=explanation_es,
        ended_at=None if state in OPEN else tx.now,
    )
    return touched == 1


def retry(tx: Transaction, effect: Row[Any]) -> bool:
    """Let a failed effect be tried anew, useful for as long as it was at first; False when it was moved meanwhile."""
    tx.signal("effects")
    until = tx.now + (effect.useful_until - effect.requested_at)
    return tx.run(_RETRY, effect=effect.id, expected=effect.version, until=until, earliest=tx.now) == 1


def counts(tx: Transaction) -> dict[str, tuple[int, datetime]]:
    """Return how many effects are under way by state, with when the oldest was asked for."""
    return {state: (amount, oldest) for state, amount, oldest in map(list, tx.all(_COUNTS))}


def listing(tx: Transaction, states: Iterable[str], limit: int = 100) -> Sequence[Row[Any]]:
    """Return effects in the named states, newest first."""
    return tx.all(_LIST, states=list(states), limit=limit)


def _only(row: Row[Any] | None) -> str:
    return "" if row is None or row[0] is None else str(row[0])
