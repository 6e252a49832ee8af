"""Records what became of one attempt at an effect, with the event that says so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from sqlalchemy.engine import Row

from hub.contracts import Accepted, NotTaken, Outcome, Rejected, StatusItem, Unclear
from hub.services import replies
from hub.settings import Waits
from hub.store import deliveries, effects
from hub.store.transaction import Origin, Transaction, UnitOfWork
from schemas import ids

DOUBTFUL: Final = "doubtful"
BY: Final = "effects"
EXPIRED_ES: Final = "Venció el plazo en que el mensaje tenía sentido; no se envió."
DOUBTFUL_ES: Final = "No se sabe si el proveedor lo tomó. Revisa el chat y decide si se reenvía."
_PROVIDER: Final = "provider"


def claim(rows: list[Row[Any]]) -> Callable[[UnitOfWork], list[Row[Any]]]:
    """Return the function that moves effects to ``sending``, telling which it got."""

    def move(unit: UnitOfWork) -> list[Row[Any]]:
        got = []
        for row in rows:
            tx = _tx(unit, row)
            if effects.move(tx, row, "sending", attempts=row.attempts + 1):
                fresh = effects.get(tx, row.id)
                if fresh is not None:
                    got.append(fresh)
        return got

    return move


def outcome(row: Row[Any], result: Outcome, waits: Waits) -> Callable[[UnitOfWork], None]:
    """Return the function that ends an attempt."""

    def record(unit: UnitOfWork) -> None:
        tx = _tx(unit, row)
        if isinstance(result, Accepted):
            _accepted(unit, tx, row, result)
        elif isinstance(result, Rejected):
            if effects.move(tx, row, "failed", code=result.code, explanation_es=result.explanation_es):
                event = ids.effect_event_id(row.id, row.attempts, "failed")
                replies.failed(tx, row, result.code, result.explanation_es, row.attempts, event)
        elif isinstance(result, NotTaken):
            ladder = waits.provider_retry_seconds
            step = ladder[min(row.attempts, len(ladder)) - 1]
            pause = step if result.retry_after_seconds is None else result.retry_after_seconds
            effects.move(
                tx,
                row,
                "intent",
                not_before=unit.now + timedelta(seconds=pause),
                code=result.code,
                explanation_es=result.explanation_es,
            )
        else:
            _unclear(tx, row, result, waits)

    return record


def expire(row: Row[Any]) -> Callable[[UnitOfWork], None]:
    """Return the function that gives up an effect whose last useful instant has passed."""

    def record(unit: UnitOfWork) -> None:
        tx = _tx(unit, row)
        why = f"{EXPIRED_ES} {row.explanation_es}" if row.explanation_es else EXPIRED_ES
        if effects.move(tx, row, "failed", code="expired", explanation_es=why):
            event = ids.effect_event_id(row.id, row.attempts, "failed")
            replies.failed(tx, row, "expired", why, row.attempts, event)

    return record


def lost(row: Row[Any], waits: Waits) -> Callable[[UnitOfWork], None]:
    """Return the function for an effect that was ``sending`` when its worker went away."""

    def record(unit: UnitOfWork) -> None:
        _unclear(_tx(unit, row), row, Unclear("the worker stopped while the call was under way"), waits)

    return record


def doubt(row: Row[Any]) -> Callable[[UnitOfWork], None]:
    """Return the function that shows an effect to a person once nothing settled it in time."""

    def record(unit: UnitOfWork) -> None:
        tx = _tx(unit, row)
        if effects.move(tx, row, "unknown", code=DOUBTFUL, explanation_es=DOUBTFUL_ES):
            event = ids.effect_event_id(row.id, row.attempts, DOUBTFUL)
            replies.doubtful(tx, row, row.explanation_es or DOUBTFUL_ES, row.attempts, event)

    return record


def _accepted(unit: UnitOfWork, tx: Transaction, row: Row[Any], result: Accepted) -> None:
    if effects.move(tx, row, "accepted", provider_id=result.provider_id):
        replies.sent(tx, row, result.provider_id, row.attempts, ids.effect_event_id(row.id, row.attempts, "accepted"))
    for waiting in deliveries.waiting_for(tx, row.connector, row.asset, result.provider_id):
        current = effects.get(tx, row.id)
        if current is None:
            continue
        item = StatusItem(**{**waiting.body, "time": None})
        origin = Origin(waiting.id, "ingest", _PROVIDER, row.traceparent, waiting.received_at)
        told = replies.apply_status(unit.begin(origin), current, item, waiting.id)
        deliveries.stop_waiting(tx, waiting.id)
        counts = {"waiting": -1, "published" if told else "ignored": 1}
        deliveries.add_counts(tx, waiting.delivery_id, "ingested", counts)


def _unclear(tx: Transaction, row: Row[Any], result: Unclear, waits: Waits) -> None:
    until = tx.now + timedelta(seconds=waits.doubt_seconds)
    effects.move(tx, row, "unknown", not_before=until, explanation_es=result.reason)


def _tx(unit: UnitOfWork, row: Row[Any]) -> Transaction:
    return unit.begin(Origin(row.id, BY, "hub:effects", row.traceparent))
