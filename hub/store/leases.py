"""Leases: one holder a name at a time, for a limited time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, delete, or_
from sqlalchemy.dialects.postgresql import insert

from hub.store.tables import leases
from hub.store.transaction import Transaction

_TAKE: Final = insert(leases).values(
    name=bindparam("of_name"), holder=bindparam("by_holder"), expires_at=bindparam("until")
)
_TAKE_OR_RENEW: Final = _TAKE.on_conflict_do_update(
    index_elements=["name"],
    set_={"holder": _TAKE.excluded.holder, "expires_at": _TAKE.excluded.expires_at},
    where=or_(leases.c.holder == _TAKE.excluded.holder, leases.c.expires_at < bindparam("at")),
)
_GIVE_BACK: Final = delete(leases).where(leases.c.name == bindparam("of_name"), leases.c.holder == bindparam("by_holder"))


def take(tx: Transaction, name: str, holder: str, seconds: float) -> datetime | None:
    """Take or renew a lease; return until when it is held, None while somebody else holds it."""
    until = tx.now + timedelta(seconds=seconds)
    touched = tx.run(_TAKE_OR_RENEW, of_name=name, by_holder=holder, until=until, at=tx.now)
    return until if touched else None


def give_back(tx: Transaction, name: str, holder: str) -> None:
    """End a lease before its time."""
    tx.run(_GIVE_BACK, of_name=name, by_holder=holder)
