"""Files that are to be fetched: which is next, what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, func, literal_column, or_, select, update
from sqlalchemy.engine import Row

from hub.services import channels
from hub.store import leases
from hub.store.tables import attachments
from hub.store.transaction import Origin, Transaction, UnitOfWork
from schemas.attachments import AttachmentLost, AttachmentQuarantined, AttachmentStored

LEASES: Final = "file:"
LOST_ALERT: Final = "files:lost"
EXPIRED_ES: Final = "No se pudo descargar en seis días; el proveedor ya no lo guarda."

_BY: Final = "files"
_ACTOR: Final = "hub:files"
LONE_ORIGIN: Final = Origin("", _BY, _ACTOR)
# Spelled out, not bound, as the partial index has it.
_IS_WANTED: Final = attachments.c.state == literal_column("'wanted'")
_OF_ASSET: Final = (attachments.c.connector == bindparam("of_connector")) & (
    attachments.c.asset == bindparam("of_asset")
)
_READY: Final = (
    select(attachments)
    .where(
        _OF_ASSET,
        _IS_WANTED,
        or_(attachments.c.not_before.is_(None), attachments.c.not_before <= bindparam("now")),
        attachments.c.useful_until > bindparam("now"),
    )
    .order_by(attachments.c.position)
    .limit(bindparam("limit"))
)
_LATE: Final = (
    select(attachments)
    .where(_IS_WANTED, attachments.c.useful_until <= bindparam("now"))
    .order_by(attachments.c.position)
    .limit(bindparam("limit"))
)
_NEXT: Final = select(func.min(attachments.c.not_before)).where(_IS_WANTED, attachments.c.not_before > bindparam("now"))
_CHANGE: Final = (
    update(attachments)
    .where(attachments.c.id == bindparam("of_id"), attachments.c.version == bindparam("expected"), _IS_WANTED)
    .values(version=attachments.c.version + 1)
)
_NAME: Final = (
    update(attachments)
    .where(
        attachments.c.id == bindparam("of_id"),
        _IS_WANTED,
        or_(attachments.c.stored_as.is_(None), attachments.c.stored_as == bindparam("name")),
    )
    .values(stored_as=bindparam("name"))
)
_LATER: Final = _CHANGE.values(attempts=attachments.c.attempts + 1, not_before=bindparam("earliest"))
_KEEP: Final = _CHANGE.values(
    state=bindparam("new_state"),
    reason=bindparam("why"),
    attempts=attachments.c.attempts + 1,
    stored_as=bindparam("name"),
    stored_bytes=bindparam("size"),
    stored_sha256=bindparam("digest"),
    stored_type=bindparam("type_"),
    settled_at=bindparam("at"),
)
_LOSE: Final = _CHANGE.values(
    state="lost", stored_as=None, reason=bindparam("why"), attempts=bindparam("tried"), settled_at=bindparam("at")
)


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that is on disk.

    Attributes:
        name: Under which it is kept.
        mime_type: What its bytes tell, else what the provider says.
        suspicion: Why it is set apart; None when it is not.
    """

    name: str
    size_bytes: int
    sha256: str
    mime_type: str | None
    is_as_announced: bool
    suspicion: str | None


def ready(tx: Transaction, connector: str, asset: str, limit: int) -> Sequence[Row[Any]]:
    """Return files of an asset that are to be fetched now, oldest first."""
    return tx.all(_READY, of_connector=connector, of_asset=asset, now=tx.now, limit=limit)


def next_try(tx: Transaction) -> datetime | None:
    """Return when the next file is worth another attempt."""
    row = tx.one(_NEXT, now=tx.now)
    return None if row is None else row[0]


def claim(unit: UnitOfWork, row: Row[Any], name: str, holder: str, duration_seconds: float) -> bool:
    """Take a file for one process; False while another one fetches it.

    ``name`` is written down first: whoever tries again after a kill puts its file in the place of what was left.
    """
    tx = _begin(unit, row)
    return leases.take(tx, LEASES + row.id, holder, duration_seconds) and tx.run(_NAME, of_id=row.id, name=name) > 0


def let_go(tx: Transaction, id_: str, holder: str) -> None:
    """Let others fetch the file."""
    leases.give_back(tx, LEASES + id_, holder)


def later(unit: UnitOfWork, row: Row[Any], not_before: datetime) -> bool:
    """Note an attempt that had nothing; False when somebody else was faster."""
    return _begin(unit, row).run(_LATER, of_id=row.id, expected=row.version, earliest=not_before) > 0


def store(unit: UnitOfWork, row: Row[Any], stored: Stored) -> bool:
    """Note a file that is kept; False when somebody else was faster, so that it is nobody's."""
    tx = _begin(unit, row)
    touched = tx.run(
        _KEEP,
        of_id=row.id,
        expected=row.version,
        new_state="stored" if stored.suspicion is None else "quarantined",
        why=stored.suspicion,
        name=stored.name,
        size=stored.size_bytes,
        digest=stored.sha256,
        type_=stored.mime_type,
        at=tx.now,
    )
    if not touched:
        return False
    kept: dict[str, Any] = {
        **_about(row),
        "mime_type": stored.mime_type,
        "size_bytes": stored.size_bytes,
        "sha256": stored.sha256,
        "is_as_announced": stored.is_as_announced,
    }
    fact = (
        AttachmentStored(**kept)
        if stored.suspicion is None
        else AttachmentQuarantined(**kept, reason_es=stored.suspicion)
    )
    tx.state(fact, key=row.conversation_id, subject=row.id)
    return True


def lose(unit: UnitOfWork, row: Row[Any], reason_es: str, *, attempts: int) -> bool:
    """Give a file up, with an alarm on its channel; False when somebody else was faster."""
    tx = _begin(unit, row)
    given_up = tx.run(_LOSE, of_id=row.id, expected=row.version, why=reason_es, tried=attempts, at=tx.now)
    if not given_up:
        return False
    lost = AttachmentLost(**_about(row), attempts=attempts, reason_es=reason_es)
    event = tx.state(lost, key=row.conversation_id, subject=row.id)
    explanation = (
        "Se perdió un archivo de un cliente; pídele que lo mande otra vez. "
        f"Mensaje {row.message_id}. Motivo: {reason_es}"
    )
    channels.alert(tx, row.connector, row.asset, LOST_ALERT, explanation, event_id=event.id)
    return True


def lose_late(unit: UnitOfWork, limit: int) -> int:
    """Give up what nobody can have any more; return how many."""
    rows = unit.begin(LONE_ORIGIN).all(_LATE, now=unit.now, limit=limit)
    return sum(lose(unit, row, row.reason or EXPIRED_ES, attempts=row.attempts) for row in rows)


def _begin(unit: UnitOfWork, row: Row[Any]) -> Transaction:
    return unit.begin(Origin(row.id, _BY, _ACTOR, received_at=row.wanted_at))


def _about(row: Row[Any]) -> dict[str, Any]:
    return {
        "attachment_id": row.id,
        "message_id": row.message_id,
        "conversation_id": row.conversation_id,
        "kind": row.kind,
    }
