"""Puts what cannot be recorded among the dead letters, once however often it is delivered."""

from __future__ import annotations

import hashlib

from hub.contracts import RawDelivery
from hub.pipeline.ingest.parts import BY
from hub.services import dead_letters
from hub.services.dead_letters import Letter
from hub.store.transaction import Origin, UnitOfWork
from schemas.operations import DeliveryRefused, ReasonClass

_OWNER = "operations"


def delivery(unit: UnitOfWork, raw: RawDelivery, reason_class: ReasonClass, reason: str) -> None:
    """Refuse a delivery as a whole."""
    tx = unit.begin(Origin(raw.id, BY, "hub", received_at=raw.received_at))
    letter = Letter(
        scope="delivery",
        group=BY,
        item=raw.id,
        key=f"delivery:{raw.id}",
        type=raw.connector,
        origin=f"{raw.connector}/{raw.app} {raw.path}",
        reason_class=reason_class,
        reason=reason,
        owner=_OWNER,
        identity=f"{raw.path}/{sha256(raw.body)}",
    )
    if dead_letters.add(tx, letter):
        refused = DeliveryRefused(delivery_id=raw.id, connector=raw.connector, reason=reason)
        tx.state(refused, key=f"delivery:{raw.id}", subject=raw.id)


def item(
    unit: UnitOfWork, raw: RawDelivery, index: int, reason_class: ReasonClass, reason: str, event_id: str | None
) -> str:
    """Refuse one item; return what to count it as, ``quarantined`` or ``duplicate``."""
    tx = unit.begin(Origin(event_id or f"{raw.id}/{index}", BY, "hub", received_at=raw.received_at))
    letter = Letter(
        scope="item",
        group=BY,
        item=raw.id,
        item_index=index,
        key=f"delivery:{raw.id}",
        type=raw.connector,
        origin=f"{raw.connector}/{raw.app} item {index}",
        reason_class=reason_class,
        reason=reason,
        owner=_OWNER,
        identity=event_id or f"{raw.path}/{sha256(raw.body)}/{index}",
    )
    return "quarantined" if dead_letters.add(tx, letter) else "duplicate"


def sha256(body: bytes) -> str:
    """Return the hex digest under which a raw body is kept."""
    return hashlib.sha256(body).hexdigest()
