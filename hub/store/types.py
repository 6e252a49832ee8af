"""Column types that hold the same bytes on every engine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic_core import from_json, to_json
from sqlalchemy import BigInteger, Integer
from sqlalchemy import Text as PlainText
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

Position = BigInteger().with_variant(Integer, "sqlite")
"""An ever-growing number; SQLite grants AUTOINCREMENT to plain INTEGER only."""


def to_microseconds(instant: datetime) -> int:
    """Return microseconds since 1970, exactly; refuses a naive instant."""
    return (instant - _EPOCH) // _MICROSECOND


class _Direct:
    """Converts by one function: a TypeDecorator would call three for each value of each row."""

    to_engine: Callable[[Any], Any]
    from_engine: Callable[[Any], Any] | None = None

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        """Return what converts a value on its way to the engine."""
        return type(self).to_engine

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """Return what converts a value of the engine."""
        return type(self).from_engine


def _from_microseconds(value: int | None) -> datetime | None:
    return None if value is None else _EPOCH + timedelta(microseconds=value)


def _to_microseconds(value: datetime | None) -> int | None:
    return None if value is None else to_microseconds(value)


def _without_nul(value: str | None) -> str | None:
    if value is not None and "\0" in value:
        msg = "text with a NUL cannot be stored; it is removed where text enters the hub"
        raise ValueError(msg)
    return value


def _to_json(value: object) -> str | None:
    return None if value is None else to_json(value).decode()


def _from_json(value: str | None) -> Any:
    return None if value is None else from_json(value, allow_inf_nan=False)


class Instant(_Direct, TypeDecorator[datetime]):
    """An aware UTC instant, kept as microseconds since 1970; a naive one is refused with TypeError."""

    impl = BigInteger
    cache_ok = True
    to_engine = staticmethod(_to_microseconds)
    from_engine = staticmethod(_from_microseconds)


class Text(_Direct, TypeDecorator[str]):
    """Words without a NUL: SQLite would keep one that PostgreSQL refuses; half a surrogate pair each driver refuses."""

    impl = PlainText
    cache_ok = True
    to_engine = staticmethod(_without_nul)

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the engine's own type: text is compared by its bytes on both, whatever language the server speaks."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(PlainText(collation="C"))
        return super().load_dialect_impl(dialect)


class Json(_Direct, TypeDecorator[Any]):
    """A JSON document, kept as the compact text we wrote."""

    impl = PlainText
    cache_ok = True
    to_engine = staticmethod(_to_json)
    from_engine = staticmethod(_from_json)
