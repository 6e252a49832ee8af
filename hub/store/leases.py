"""Leases: one holder a name at a time, for a limited time by the database's own clock."""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, delete, or_, select
from sqlalchemy.dialects.postgresql import insert

from hub.store.database_clock import microseconds, now, seconds
from hub.store.tables import leases
from hub.store.transaction import Transaction

_TAKE: Final = insert(leases).values(
    name=bindparam("of_name"), holder=bindparam("by_holder"), expires_at=now() + seconds("lasting")
)
_TAKE_OR_RENEW: Final = _TAKE.on_conflict_do_update(
    index_elements=["name"],
    set_={"holder": _TAKE.excluded.holder, "expires_at": _TAKE.excluded.expires_at},
    where=or_(leases.c.holder == _TAKE.excluded.holder, leases.c.expires_at < now()),
)
_GIVE_ALL_BACK: Final = delete(leases).where(leases.c.holder == bindparam("by_holder"))
_GIVE_BACK: Final = delete(leases).where(
    leases.c.name == bindparam("of_name"), leases.c.holder == bindparam("by_holder")
)
_FORGET: Final = delete(leases).where(leases.c.name.startswith(bindparam("prefix")))
_OUTLASTS: Final = select(leases.c.name).where(
    leases.c.name == bindparam("of_name"),
    leases.c.holder == bindparam("by_holder"),
    leases.c.expires_at >= now() + seconds("lasting"),
)


def take(tx: Transaction, name: str, holder: str, duration_seconds: float) -> bool:
    """Take or renew a lease; False while somebody else holds it.

    Until when it lasts is the database's business: the holder counts the duration on a ``Term`` of its own.
    """
    lasting = microseconds(duration_seconds)
    return tx.run(_TAKE_OR_RENEW, of_name=name, by_holder=holder, lasting=lasting, now=tx.now) > 0


def outlasts(tx: Transaction, name: str, holder: str, duration_seconds: float) -> bool:
    """Tell whether the holder has the lease for that much longer, as the database sees it now."""
    lasting = microseconds(duration_seconds)
    return tx.one(_OUTLASTS, of_name=name, by_holder=holder, lasting=lasting, now=tx.now) is not None


def give_all_back(tx: Transaction, holder: str) -> None:
    """End every lease of a holder, who stops."""
    tx.run(_GIVE_ALL_BACK, by_holder=holder)


def give_back(tx: Transaction, name: str, holder: str) -> None:
    """End one lease, unless somebody else has it by now."""
    tx.run(_GIVE_BACK, of_name=name, by_holder=holder)


def forget(tx: Transaction, prefix: str) -> None:
    """End leases whoever holds them; only where nobody else can be alive."""
    tx.run(_FORGET, prefix=prefix)
