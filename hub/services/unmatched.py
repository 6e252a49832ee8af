"""Tells people of what waits too long for the message it speaks of; it goes on waiting, but not unseen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.engine import Row

from hub.services import channels
from hub.store import deliveries, timers
from hub.store.transaction import Transaction
from schemas.operations import TimerFired

GROUP: Final = "watch-waiting"
ALERT: Final = "waiting"
TAG: Final = "item"
"""Names what a waiting item is; a status has none: rows of the release that knew nothing else have none."""

_WORDS_ES: Final = {"status": "estados de envíos", "amendment": "cambios o reacciones", "echo": "respuestas a mano"}


def kind_of(row: Row[Any]) -> str:
    """Return what a waiting item is: ``status``, ``amendment`` or ``echo``."""
    return str(row.body.get(TAG, "status"))


def expect(tx: Transaction, connector: str, asset: str, since: datetime) -> None:
    """Ask to be told when an item has waited for too long, unless an earlier one is asked about."""
    name = f"{connector}/{asset}"
    if not timers.is_armed(tx, name, group=GROUP):
        due = since + _patience(tx)
        timers.arm_all(tx, f"channel:{name}", [timers.Alarm(name, due)], group=GROUP)


def look_at(tx: Transaction, fired: TimerFired) -> None:
    """Raise an alarm when something new waits too long, then ask about whatever waits next."""
    timer = timers.get(tx, fired.name)
    if timer is None or timer.generation != fired.generation:
        return
    connector, _, asset = fired.name.partition("/")
    limit = tx.now - _patience(tx)
    late = deliveries.waiting_until(tx, connector, asset, limit)
    known = channels.told_at(tx, connector, asset, ALERT)
    if any(known is None or row.received_at > known - _patience(tx) for row in late):
        channels.alert(tx, connector, asset, ALERT, _explained(late), event_id=tx.origin.cause)
    following = deliveries.next_waiting(tx, connector, asset, limit)
    if following is not None:
        timers.arm(tx, fired.name, following + _patience(tx), key=timer.key)


def _patience(tx: Transaction) -> timedelta:
    return timedelta(days=tx.policies.intake.unmatched_after_days)


def _explained(late: Sequence[Row[Any]]) -> str:
    oldest = min(row.received_at for row in late)
    return (
        f"Hablan de mensajes que el hub no conoce, el más antiguo desde el {oldest:%d/%m/%Y}: {_counted(late)}. "
        "Si son de antes de conectar el hub o de otra herramienta, quita el aviso; si no, míralos con "
        "hub intake waiting. Se aplican solos si su mensaje llega."
    )


def _counted(late: Iterable[Row[Any]]) -> str:
    found = Counter(map(kind_of, late))
    return ", ".join(f"{_WORDS_ES[kind]}: {amount}" for kind, amount in sorted(found.items()))
