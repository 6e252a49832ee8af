"""Records what became of one attempt at an effect, with the event that says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy.engine import Row

from hub.contracts import Accepted, NotTaken, Outcome, Rejected, Unclear
from hub.services import contacts, leaving, replies, waiting, watermarks
from hub.settings import Waits
from hub.store import deliveries, effects
from hub.store.transaction import Origin, Transaction, UnitOfWork
from schemas import ids

Change = Callable[[UnitOfWork], None]

DOUBTFUL: Final = "doubtful"
RESTORED: Final = effects.RESTORED
BY: Final = "effects"
LONE_ORIGIN: Final = Origin("", BY, "hub:effects")
EXPIRED_ES: Final = "Venció el plazo en que el mensaje tenía sentido; no se envió."
DOUBTFUL_ES: Final = "No se sabe si el proveedor lo tomó. Revisa el chat y decide si se reenvía."
DROPPED_ES: Final = "Nadie vio que se leyó o que alguien escribe; no hay nada que hacer."
RESTORED_ES: Final = "La base se restauró de un respaldo: no consta si esto ya se envió. Decide si sale."
_LEAST_PAUSE_SECONDS: Final = 1.0


def claim(unit: UnitOfWork, rows: Sequence[Row[Any]]) -> list[Row[Any]]:
    """Move effects to ``sending``; return those that nobody else has moved meanwhile, that may leave as things are."""
    claimed = (effects.claim(_tx(unit, row), row) for row in rows if _may_leave(unit, row))
    return [row for row in claimed if row is not None]


def _may_leave(unit: UnitOfWork, row: Row[Any]) -> bool:
    """Give up what no provider would take any more, before it is tried."""
    tx = _tx(unit, row)
    why = leaving.look_again(tx, row)
    if why is not None:
        _fail(tx, row, why.code, why.explanation_es)
    return why is None


def pause_seconds(result: NotTaken, attempts: int, ladder: Sequence[float]) -> float:
    """Return how long an effect waits after an attempt that was surely not taken.

    The provider's own word counts; when it goes on asking for more patience than the ladder has steps, the ladder is
    climbed a second time, so that no effect is tried every second for days. Trouble of the asset or the credential is
    not the effect's: it pauses lane or breaker, and the effect keeps its first step.
    """
    step = ladder[0] if result.scope != "conversation" else ladder[min(attempts, len(ladder)) - 1]
    if result.retry_after_seconds is None:
        return step
    asked = max(result.retry_after_seconds, _LEAST_PAUSE_SECONDS)
    again = attempts - len(ladder)
    return asked if again <= 0 else max(asked, ladder[min(again, len(ladder)) - 1])


def outcomes(results: Sequence[tuple[Row[Any], Outcome]], waits: Waits) -> Change:
    """Return the function that ends attempts, all of one asset."""

    def record(unit: UnitOfWork) -> None:
        tx = unit.begin(LONE_ORIGIN)
        for row, result in results:
            if row.kind == effects.SIGN:
                _end_sign(unit, row, result, waits)
        _end_all(unit, tx, [(row, result) for row, result in results if row.kind != effects.SIGN], waits)

    return record


def _end_all(unit: UnitOfWork, tx: Transaction, results: Sequence[tuple[Row[Any], Outcome]], waits: Waits) -> None:
    taken = [(row, result.provider_id) for row, result in results if isinstance(result, Accepted)]
    contacts.lock(tx, (alias for _, result in results if isinstance(result, Accepted) for alias in result.learned))
    replies.lock_sent(tx, ((row.connector, row.asset, provider_id) for row, provider_id in taken))
    replies.lock(tx, (row.id for row, _ in results))
    waited_for = set[str]()
    for row, _ in taken[:1]:
        waited_for = deliveries.waited_for(tx, row.connector, row.asset, (id_ for _, id_ in taken))
    for row, result in results:
        _end(unit, row, result, waits)
        if isinstance(result, Accepted) and result.provider_id in waited_for:
            waiting.apply_to_reply(unit, row.id, result.provider_id)
    for row in watermarks.behind(tx, [row for row, _ in taken]):
        watermarks.catch_up(_tx(unit, row), row.id)


def _end_sign(unit: UnitOfWork, row: Row[Any], result: Outcome, waits: Waits) -> None:
    tx = _tx(unit, row)
    if isinstance(result, Accepted):
        effects.move(tx, row, "confirmed")
    elif isinstance(result, NotTaken):
        _later(tx, row, result, waits)
    else:
        _drop(tx, row)


def _drop(tx: Transaction, row: Row[Any]) -> None:
    """End a sign that nobody saw; nobody waits for it."""
    effects.move(tx, row, "failed", code=effects.SIGN, explanation_es=DROPPED_ES)


def _later(tx: Transaction, row: Row[Any], result: NotTaken, waits: Waits) -> None:
    until = tx.now + timedelta(seconds=pause_seconds(result, row.attempts, waits.provider_retry_seconds))
    effects.move(tx, row, "intent", not_before=until, code=result.code, explanation_es=result.explanation_es)


def overdue(unit: UnitOfWork, rows: Sequence[Row[Any]]) -> None:
    """Show to a person what nothing settled in time; give up what has lost its use."""
    for row in rows:
        if row.state == "unknown":
            doubt(unit, row, row.explanation_es or DOUBTFUL_ES)
        else:
            _expire(unit, row)


def lost(unit: UnitOfWork, rows: Sequence[Row[Any]], waits: Waits) -> int:
    """Doubt effects that were ``sending`` when their worker went away; return how many."""
    for row in rows:
        if row.kind == effects.SIGN:
            _drop(_tx(unit, row), row)
            continue
        _unclear(_tx(unit, row), row, Unclear("the worker stopped while the call was under way"), waits)
    return len(rows)


def doubt(unit: UnitOfWork, row: Row[Any], reason: str) -> None:
    """Show an effect to a person."""
    tx = _tx(unit, row)
    if effects.move(tx, row, "unknown", code=DOUBTFUL, explanation_es=DOUBTFUL_ES):
        event = ids.effect_event_id(row.id, row.attempts, DOUBTFUL)
        replies.doubtful(tx, row, reason, row.attempts, event)


def hold(unit: UnitOfWork, row: Row[Any], reason: str, name: str) -> None:
    """Show an effect to a person, who may release it with others; ``name`` sets this doubt apart from others of it."""
    tx = _tx(unit, row)
    if row.kind == effects.SIGN:
        _drop(tx, row)
        return
    if effects.move(tx, row, "unknown", code=RESTORED, explanation_es=RESTORED_ES):
        replies.doubtful(tx, row, reason, row.attempts, ids.effect_event_id(row.id, row.attempts, name))


def _expire(unit: UnitOfWork, row: Row[Any]) -> None:
    tx = _tx(unit, row)
    if row.kind == effects.SIGN:
        _drop(tx, row)
        return
    why = f"{EXPIRED_ES} {row.explanation_es}" if row.explanation_es else EXPIRED_ES
    _fail(tx, row, "expired", why)


def _fail(tx: Transaction, row: Row[Any], code: str, explanation_es: str) -> None:
    if effects.move(tx, row, "failed", code=code, explanation_es=explanation_es):
        event = ids.effect_event_id(row.id, row.attempts, "failed")
        replies.failed(tx, row, code, explanation_es, row.attempts, event)


def _end(unit: UnitOfWork, row: Row[Any], result: Outcome, waits: Waits) -> None:
    tx = _tx(unit, row)
    if isinstance(result, Accepted):
        if effects.move(tx, row, "accepted", provider_id=result.provider_id):
            event = ids.effect_event_id(row.id, row.attempts, "accepted")
            replies.sent(tx, row, result.provider_id, row.attempts, event)
            contacts.learn(tx, row.key, result.learned, "the provider's answer named both")
    elif isinstance(result, Rejected):
        _fail(tx, row, result.code, result.explanation_es)
    elif isinstance(result, NotTaken):
        _later(tx, row, result, waits)
    else:
        _unclear(tx, row, result, waits)


def _unclear(tx: Transaction, row: Row[Any], result: Unclear, waits: Waits) -> None:
    until = tx.now + timedelta(seconds=waits.doubt_seconds)
    effects.move(tx, row, "unknown", not_before=until, explanation_es=result.reason)


def _tx(unit: UnitOfWork, row: Row[Any]) -> Transaction:
    return unit.begin(Origin(row.id, BY, "hub:effects", row.traceparent))
