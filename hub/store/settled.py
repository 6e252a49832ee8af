"""How far the log can be followed without passing over what is still being written."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, func, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from hub.store.locks import EARLIEST_MARK
from hub.store.tables import events
from hub.store.transaction import Transaction


class _NobodyWritesBelow(FunctionElement[int]):
    """The position up to which no transaction can still write; NULL when none is about to write any."""

    inherit_cache = True
    type = BigInteger()


@compiles(_NobodyWritesBelow, "postgresql")
def _on_postgres(_element: _NobodyWritesBelow, _compiler: SQLCompiler, **_: Any) -> str:
    return f"({EARLIEST_MARK})"


@compiles(_NobodyWritesBelow, "sqlite")
def _on_sqlite(_element: _NobodyWritesBelow, _compiler: SQLCompiler, **_: Any) -> str:
    # The one writer takes positions in the order of its commits.
    return "NULL"


_NEWEST: Final = select(func.coalesce(func.max(events.c.position), 0), _NobodyWritesBelow())


def settled(tx: Transaction) -> int:
    """Return the position up to which the log never changes again, as any later transaction will see it.

    Whoever remembers how far it went remembers no more than this, then reads in a transaction that begins afterwards:
    on PostgreSQL a position below the newest may still be on its way. Within one key there is no such gap.
    """
    row = tx.one(_NEWEST)
    positions = [] if row is None else [int(position) for position in row if position is not None]
    return min(positions, default=0)
