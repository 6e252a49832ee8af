"""Leases: one holder a name at a time, for a limited time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, delete, or_, select
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
_GIVE_ALL_BACK: Final = delete(leases).where(leases.c.holder == bindparam("by_holder"))
_GIVE_BACK: Final = delete(leases).where(
    leases.c.name == bindparam("of_name"), leases.c.holder == bindparam("by_holder")
)
_FORGET: Final = delete(leases).where(leases.c.name.startswith(bindparam("prefix")))
_HELD: Final = select(leases.c.expires_at).where(
    leases.c.name == bindparam("of_name"), leases.c.holder == bindparam("by_holder")
)


def take(tx: Transaction, name: str, holder: str, seconds: float) -> datetime | None:
    """Take or renew a lease; return until when it is held, None while somebody else holds it."""
    until = tx.now + timedelta(seconds=seconds)
    touched = tx.run(_TAKE_OR_RENEW, of_name=name, by_holder=holder, until=until, at=tx.now)
    return until if touched else None


def outlasts(tx: Transaction, name: str, holder: str, seconds: float) -> bool:
    """Tell whether the holder has the lease for that much longer, as the database sees it now."""
    row = tx.one(_HELD, of_name=name, by_holder=holder)
    return row is not None and row.expires_at >= tx.now + timedelta(seconds=seconds)


def give_all_back(tx: Transaction, holder: str) -> None:
    """End every lease of a holder, who stops."""
    tx.run(_GIVE_ALL_BACK, by_holder=holder)


def give_back(tx: Transaction, name: str, holder: str) -> None:
    """End one lease, unless somebody else has it by now."""
    tx.run(_GIVE_BACK, of_name=name, by_holder=holder)


def forget(tx: Transaction, prefix: str) -> None:
    """End leases whoever holds them; only where nobody else can be alive."""
    tx.run(_FORGET, prefix=prefix)
