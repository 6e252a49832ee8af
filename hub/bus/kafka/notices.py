"""Reads notices of the log topic, believing none of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from hub.store.events import keys_of
from hub.store.transaction import Transaction

_LONGEST_ID: Final = 100


@dataclass(frozen=True, slots=True)
class Told:
    """What a batch of records comes to.

    Attributes:
        keys: Keys of the events that the database knows, as it has them.
        foreign: How many records speak of no event of ours.
    """

    keys: Sequence[str]
    foreign: int


def read(tx: Transaction, records: Sequence[Any], types: frozenset[str]) -> Told:
    """Look up what records announce; whoever can write to Kafka can at most make us look.

    Args:
        tx: Reads the events table.
        records: Kafka records as they came.
        types: Only events of these types make keys; every record counts as foreign or not.
    """
    named = [_named(one) for one in records]
    known = keys_of(tx, sorted({one[0] for one in named if one is not None}))
    keys = [known[one[0]][0] for one in named if one is not None and one[0] in known and known[one[0]][1] in types]
    foreign = sum(one is None or one[0] not in known for one in named)
    return Told(list(dict.fromkeys(keys)), foreign)


def concerns(record: Any, types: frozenset[str]) -> bool:
    """Tell from the headers alone whether a record may announce an event of these types."""
    named = _named(record)
    return named is not None and named[1] in types


def _named(record: Any) -> tuple[str, str] | None:
    headers = {name: value for name, value in record.headers if name in {"ce_id", "ce_type"}}
    try:
        id_, type_ = headers["ce_id"].decode(), headers["ce_type"].decode()
    except (KeyError, AttributeError, UnicodeDecodeError):
        return None
    is_plausible = len(id_) <= _LONGEST_ID and "\0" not in id_
    return (id_, type_) if is_plausible else None
