"""Finds effects under way by what they are: still to be sent, or sent under an id that nobody knows yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import bindparam, literal_column, select
from sqlalchemy.engine import Row

from hub.store.effects import OPEN
from hub.store.tables import effects
from hub.store.transaction import Transaction

# Spelled out, not bound: SQLite uses a partial index only where the query repeats its condition word by word.
_IS_OPEN: Final = effects.c.state.in_([literal_column(f"'{state}'") for state in OPEN])
_UNNAMED: Final = (
    select(effects)
    .where(
        _IS_OPEN,
        effects.c.connector == bindparam("of_connector"),
        effects.c.asset == bindparam("of_asset"),
        effects.c.kind == bindparam("of_kind"),
        effects.c.provider_id.is_(None),
    )
    .order_by(effects.c.position)
)
_INTENTS: Final = (
    select(effects)
    .where(_IS_OPEN, effects.c.key == bindparam("of_key"), effects.c.state == literal_column("'intent'"))
    .order_by(effects.c.position)
)


def unnamed(tx: Transaction, connector: str, asset: str, kind: str) -> list[Row[Any]]:
    """Return what an asset was asked to say that may have been taken, under an id that nobody knows yet."""
    found = tx.all(_UNNAMED, of_connector=connector, of_asset=asset, of_kind=kind)
    return [row for row in found if is_unnamed(row)]


def is_unnamed(effect: Row[Any]) -> bool:
    """Tell whether an effect may have been taken without anybody knowing as what."""
    return effect.state in {"sending", "unknown"} and effect.provider_id is None


def intents(tx: Transaction, key: str) -> Sequence[Row[Any]]:
    """Return what a conversation still waits to say, in order."""
    return tx.all(_INTENTS, of_key=key)
