"""Locks that last to the end of a transaction, on a database where others write at the same time."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

from sqlalchemy import text
from sqlalchemy.engine import Connection

from hub.store import prepared

# One statement for any number: the array is worked off in its order, which is the same for everybody.
_TAKE: Final = "SELECT pg_advisory_xact_lock(lock) FROM unnest(%s::bigint[]) AS lock"
_TAKE_LASTING: Final = "SELECT pg_advisory_lock(lock) FROM unnest(%s::bigint[]) AS lock"
_TRY: Final = text("SELECT lock, pg_try_advisory_xact_lock(lock) AS is_ours FROM unnest(:locks) AS lock")
_TRY_LASTING: Final = text("SELECT lock, pg_try_advisory_lock(lock) AS is_ours FROM unnest(:locks) AS lock")
_GIVE_BACK: Final = "SELECT pg_advisory_unlock_all()"

# Two numbers of 31 bits hold the newest position there was; as a pair they are no lock of ``_TAKE``.
_MARK: Final = """
    SELECT pg_advisory_xact_lock_shared((newest >> 31)::integer, (newest & 2147483647)::integer)
    FROM (SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS newest FROM events_position_seq) AS positions
"""

EARLIEST_MARK: Final = """
    SELECT min((classid::bigint << 31) | objid::bigint) FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 2
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
"""A query for the position below which no transaction can still write; NULL when none is about to write any."""


class AdvisoryLocks:
    """The locks of one attempt at a transaction.

    A savepoint that is rolled back gives them up again, so each attempt begins with none. ``lasting`` ones outlive it,
    so that a rehearsal finds again what it saw; they end with ``give_back``.
    """

    def __init__(self, connection: Connection, *, lasting: bool = False, refused: set[int] | None = None) -> None:
        """Hold nothing yet.

        Args:
            connection: In a transaction.
            lasting: Hold beyond the transaction.
            refused: What others held at a rehearsal: its repetition is not to get it either.
        """
        self._connection = connection
        self._take, self._try = (_TAKE_LASTING, _TRY_LASTING) if lasting else (_TAKE, _TRY)
        self._held: set[int] = set()
        self._refused = set() if refused is None else refused
        self._is_marked = False

    def take(self, kind: str, ids: Iterable[str]) -> None:
        """Wait until nobody else holds any of these, in the one order that everybody keeps within a call."""
        wanted = sorted({number(kind, id_) for id_ in ids} - self._held)
        if wanted:
            prepared.command(self._connection, self._take, [wanted])
            self._held.update(wanted)

    def try_take(self, kind: str, ids: Iterable[str]) -> set[str]:
        """Hold what nobody else holds of these, waiting for none; return the ids that are ours now."""
        numbers = {id_: number(kind, id_) for id_ in ids}
        wanted = sorted(set(numbers.values()) - self._held - self._refused)
        if wanted:
            found = prepared.every(self._connection, self._try, {"locks": wanted})
            self._held.update(row.lock for row in found if row.is_ours)
            self._refused.update(row.lock for row in found if not row.is_ours)
        return {id_ for id_, lock in numbers.items() if lock in self._held}

    def mark_positions(self) -> None:
        """Let readers of the log know that events above the newest position of now may come until the commit."""
        if not self._is_marked:
            prepared.command(self._connection, _MARK)
            self._is_marked = True


def give_back(connection: Connection) -> None:
    """End the lasting locks of a connection, outside of any transaction."""
    prepared.command(connection, _GIVE_BACK)


def number(kind: str, id_: str) -> int:
    """Return the 64 bits that stand for a thing; two things that share them only wait for each other in vain."""
    digest = blake2b(f"{kind}\0{id_}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
