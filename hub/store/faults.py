"""What an error of PostgreSQL says about what happens next."""

from __future__ import annotations

from typing import Final

from sqlalchemy.exc import DBAPIError

# By the first two characters: connection lost, out of resources, stopped by an operator, trouble of the system.
_UNAVAILABLE_CLASSES: Final = ("08", "53", "57", "58", "XX")
_UNAVAILABLE: Final = frozenset(
    {
        "25P03",  # idle in a transaction for too long: the server ended the session
        "25P04",  # the transaction took too long
        "55P03",  # a lock was not to be had in time
    }
)
_CONFLICTS: Final = frozenset(
    {
        "40001",  # serialization failure
        "40P01",  # deadlock
    }
)
_TAKEN: Final = "23505"


def is_unavailable(error: BaseException) -> bool:
    """Tell whether an error speaks of the server itself, not of what was asked of it."""
    error = original(error)
    if not hasattr(error, "sqlstate"):
        return False
    state = error.sqlstate
    if state is not None:
        return state in _UNAVAILABLE or state.startswith(_UNAVAILABLE_CLASSES)
    # Here one of psycopg's errors was raised, so it is loaded. Without a state the server did not answer at all.
    import psycopg

    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)


def is_conflict(error: BaseException) -> bool:
    """Tell whether the same transaction may well succeed when it runs again: it met another one."""
    return getattr(original(error), "sqlstate", None) in _CONFLICTS


def is_taken(error: BaseException) -> bool:
    """Tell whether a row was there already: perhaps since a moment, which the transaction sees when it runs again."""
    return getattr(original(error), "sqlstate", None) == _TAKEN


def original(error: BaseException) -> BaseException:
    """Return the driver's own error."""
    return (error.orig or error) if isinstance(error, DBAPIError) else error
