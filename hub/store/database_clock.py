"""The instant by which processes that share a database judge each other: the server's where there is one."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import BindParameter
from sqlalchemy.sql.functions import FunctionElement

from hub.store.types import Instant

_MICROSECONDS: Final = 1_000_000


class _Now(FunctionElement[datetime]):
    type = Instant()
    name = "database_now"
    inherit_cache = True


def now() -> _Now:
    """Return the instant within a statement, which is to be given ``now``: SQLite's one machine has the one clock.

    PostgreSQL does not look at it: clocks of several machines differ, the server's is one. It is read when the
    statement runs, not when its transaction began: whoever waited for a lock would have the time before the wait.
    """
    return _Now(bindparam("now", type_=Instant))


def seconds(name: str) -> BindParameter[int]:
    """Return a duration to be added to an instant within a statement; give it as ``microseconds`` returns it."""
    return bindparam(name, type_=BigInteger)


def microseconds(duration_seconds: float) -> int:
    """Return seconds as the database counts."""
    return round(duration_seconds * _MICROSECONDS)


@compiles(_Now)
def _given(element: _Now, compiler: SQLCompiler, **more: Any) -> str:
    return compiler.process(element.clauses, **more)


@compiles(_Now, "postgresql")
def _of_the_server(*_: object, **_more: Any) -> str:
    return f"(extract(epoch FROM clock_timestamp()) * {_MICROSECONDS})::bigint"
