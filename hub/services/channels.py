"""What providers tell about accounts: standing alerts, each an alarm until it is told to be over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.engine import Row

from hub.contracts import AccountItem
from hub.store.tables import channel_alerts
from hub.store.transaction import Transaction
from schemas.operations import AccountChanged, ChannelAlerted, Severity

_OF_NAME = (
    channel_alerts.c.connector == bindparam("of_connector"),
    channel_alerts.c.asset == bindparam("of_asset"),
    channel_alerts.c.alert == bindparam("of_alert"),
)
_KNOWN: Final = select(channel_alerts).where(*_OF_NAME)
_INSERT: Final = insert(channel_alerts)
_SET: Final = (
    update(channel_alerts)
    .where(*_OF_NAME)
    .values(
        severity=bindparam("new_severity"),
        explanation_es=bindparam("new_explanation"),
        told_at=bindparam("at"),
        event_id=bindparam("event"),
    )
)
_OPEN: Final = (
    select(channel_alerts).where(channel_alerts.c.severity != "info").order_by(channel_alerts.c.told_at.desc())
)


def changed(tx: Transaction, connector: str, item: AccountItem, at: datetime, event_id: str, **told: Any) -> None:
    """State that the provider changed something; raise or end the alarm it names, by the latest word (CI-04)."""
    key = f"channel:{connector}/{item.asset}"
    fact = AccountChanged(
        connector=connector,
        asset=item.asset,
        field=item.field,
        change=item.change,
        severity=item.severity,
        explanation_es=item.explanation_es,
        details=dict(item.details),
    )
    tx.state(fact, key=key, subject=item.asset, id=event_id, time=at, **told)
    if item.alert is not None:
        _say(tx, connector, item.asset, _Word(item.alert, item.severity, item.explanation_es), at, event_id)


def alert(tx: Transaction, connector: str, asset: str, name: str, explanation_es: str, *, event_id: str) -> None:
    """Raise an alarm of the hub's own about a channel; it stands until a person ends it.

    Args:
        tx: The transaction in which the reason for it is stated.
        connector: The channel's connector.
        asset: The number or page.
        name: Of the alarm; the same one again replaces its words.
        explanation_es: What happened, with what to do.
        event_id: Of the event that is the reason.
    """
    _say(tx, connector, asset, _Word(name, "warning", explanation_es), tx.now, event_id)


def told_at(tx: Transaction, connector: str, asset: str, name: str) -> datetime | None:
    """Return when an alarm was last told or ended; None when it never was."""
    known = tx.one(_KNOWN, of_connector=connector, of_asset=asset, of_alert=name)
    return None if known is None else known.told_at


def stopped(tx: Transaction, connector: str, asset: str, code: str, explanation_es: str, *, event_id: str) -> None:
    """Raise the alarm that nothing can be sent, for the reason that a failed message told; silent while it stands."""
    name = f"stopped:{code}"
    tx.lock("alert", [f"{connector}/{asset}/{name}"])
    known = tx.one(_KNOWN, of_connector=connector, of_asset=asset, of_alert=name)
    if known is None or known.severity == "info":
        _say(tx, connector, asset, _Word(name, "critical", explanation_es), tx.now, event_id)


def checked(tx: Transaction, connector: str, app: str, name: str, severity: Severity, explanation_es: str) -> None:
    """Keep what a check of an app found: news is stated, raises or ends its alarm; the same again is silence."""
    tx.lock("alert", [f"{connector}/{app}/{name}"])
    known = tx.one(_KNOWN, of_connector=connector, of_asset=app, of_alert=name)
    before = ("info", "") if known is None else (known.severity, known.explanation_es)
    if before == (severity, explanation_es) or before[0] == severity == "info":
        return
    fact = AccountChanged(
        connector=connector, asset=app, field="check", change=name, severity=severity, explanation_es=explanation_es
    )
    event = tx.state(fact, key=f"channel:{connector}/{app}", subject=app)
    at = tx.now if known is None else max(tx.now, known.told_at + timedelta(microseconds=1))
    _say(tx, connector, app, _Word(name, severity, explanation_es), at, event.id)


def open_alerts(tx: Transaction) -> Sequence[Row[Any]]:
    """Return what a person has to look at, the newest first."""
    return tx.all(_OPEN)


def dismiss(tx: Transaction, connector: str, asset: str, alert: str) -> bool:
    """End an alarm that the provider may never end by itself; False when there is none of that name."""
    name = {"of_connector": connector, "of_asset": asset, "of_alert": alert}
    tx.lock("alert", [f"{connector}/{asset}/{alert}"])
    known = tx.one(_KNOWN, **name)
    if known is None or known.severity == "info":
        return False
    word = {"new_severity": "info", "new_explanation": known.explanation_es}
    tx.run(_SET, **name, **word, at=max(known.told_at, tx.now), event=known.event_id)
    return True


@dataclass(frozen=True, slots=True)
class _Word:
    alert: str
    severity: Severity
    explanation_es: str


def _say(tx: Transaction, connector: str, asset: str, word: _Word, at: datetime, event_id: str) -> None:
    """Raise or end an alarm, unless a later word stands."""
    if not _keep(tx, connector, asset, word, at, event_id) or word.severity == "info":
        return
    raised = ChannelAlerted(connector=connector, asset=asset, alert=word.alert, explanation_es=word.explanation_es)
    tx.state(raised, key=f"channel:{connector}/{asset}", subject=asset, causation=event_id)


def _keep(tx: Transaction, connector: str, asset: str, word: _Word, at: datetime, event_id: str) -> bool:
    """Keep the latest word on an alert; False when a later one stands."""
    name = {"of_connector": connector, "of_asset": asset, "of_alert": word.alert}
    tx.lock("alert", [f"{connector}/{asset}/{word.alert}"])
    known = tx.one(_KNOWN, **name)
    if known is None:
        tx.run(
            _INSERT,
            connector=connector,
            asset=asset,
            alert=word.alert,
            severity=word.severity,
            explanation_es=word.explanation_es,
            told_at=at,
            event_id=event_id,
        )
        return True
    if (known.told_at, known.event_id) >= (at, event_id):
        return False
    tx.run(_SET, **name, new_severity=word.severity, new_explanation=word.explanation_es, at=at, event=event_id)
    return True
