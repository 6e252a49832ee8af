"""Column types that hold the same bytes on every engine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic_core import from_json, to_json
from sqlalchemy import BigInteger, Integer
from sqlalchemy import Text as PlainText
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

Position = BigInteger().with_variant(Integer, "sqlite")
"""An ever-growing number; SQLite grants AUTOINCREMENT to plain INTEGER only."""


def to_microseconds(instant: datetime) -> int:
    """Return microseconds since 1970, exactly; refuses a naive instant."""
    return (instant - _EPOCH) // _MICROSECOND


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant, kept as microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Refuse naive instants: comparing them with the epoch raises TypeError."""
        return None if value is None else to_microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Return an aware instant."""
        return None if value is None else _EPOCH + timedelta(microseconds=value)


class Text(TypeDecorator[str]):
    """Words without a NUL: SQLite would keep one that PostgreSQL refuses."""

    impl = PlainText
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Refuse what not every engine can hold; lone surrogates the drivers refuse themselves."""
        if value is not None and "\0" in value:
            msg = "text with a NUL cannot be stored; it is removed where text enters the hub"
            raise ValueError(msg)
        return value


class Json(TypeDecorator[Any]):
    """A JSON document, kept as the text we wrote."""

    impl = PlainText
    cache_ok = True

    def process_bind_param(self, value: object, dialect: Dialect) -> str | None:
        """Write compact JSON."""
        return None if value is None else to_json(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Read it back."""
        return None if value is None else from_json(value, allow_inf_nan=False)
