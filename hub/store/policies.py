"""Versions of the company's rules in the database."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import bindparam, func, insert, select
from sqlalchemy.engine import Connection

from hub.domain.policies import KINDS, Policies, PolicyBook, PolicyRow
from hub.store import prepared
from hub.store.tables import policies
from hub.store.transaction import Transaction

SHIPPED: Final = Path(__file__).parent.parent / "policies" / "exsim.toml"

_NEWEST: Final = select(func.max(policies.c.position))
_ALL: Final = select(policies.c.position, policies.c.kind, policies.c.body, policies.c.valid_from)
_VERSION: Final = select(func.max(policies.c.version)).where(policies.c.kind == bindparam("kind"))
_INSERT: Final = insert(policies)

_SINCE_EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


class PolicyReader:
    """Reads the rules in force, parsing a set of versions once."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._books: dict[int, PolicyBook] = {}

    def load(self, connection: Connection, now: datetime) -> Policies:
        """Return the rules in force at ``now`` as the connection sees them."""
        row = prepared.one(connection, _NEWEST, {})
        newest = 0 if row is None or row[0] is None else int(row[0])
        book = self._books.get(newest)
        if book is None:
            rows = prepared.every(connection, _ALL, {})
            book = PolicyBook(PolicyRow(*tuple(row)) for row in rows)
            # Where others write meanwhile, the second look may have found more than the first.
            self._books = {max((int(row.position) for row in rows), default=0): book}
        return book.at(now)

    def forget(self) -> None:
        """Forget what was read inside a transaction that is now undone: its positions will be given again."""
        self._books = {}


def append(tx: Transaction, kind: str, body: Mapping[str, Any], *, valid_from: datetime | None = None) -> int:
    """Write a new version of a kind of rule, in force from an instant that is never in the past.

    Past decisions were taken by the versions of their time; a version that reached back would rewrite why.

    Returns:
        The version's number among its kind.

    Raises:
        KeyError: There is no such kind.
        pydantic.ValidationError: The rule is wrong.
    """
    checked = KINDS[kind].model_validate(body).model_dump(mode="json")
    # One at a time: whoever reads the newest version has read all before it.
    tx.lock("policies", ["all"])
    row = tx.one(_VERSION, kind=kind)
    version = (row[0] if row is not None and row[0] is not None else 0) + 1
    start = max(valid_from or tx.now, tx.now)
    tx.run(_INSERT, kind=kind, version=version, body=checked, valid_from=start, author=tx.origin.actor)
    tx.policies_changed()
    return version


def seed(connection: Connection, path: Path = SHIPPED) -> None:
    """Write the first version of each kind that has none, from the shipped example."""
    for kind, body in read_toml(path).items():
        if connection.execute(_VERSION, {"kind": kind}).scalar() is None:
            row = {"kind": kind, "version": 1, "body": body, "valid_from": _SINCE_EVER, "author": "shipped"}
            connection.execute(_INSERT, row)


def read_toml(path: Path) -> Mapping[str, Any]:
    """Return every kind of rule in a TOML file, checked.

    Raises:
        pydantic.ValidationError: A rule is wrong.
        KeyError: A table names no known kind.
    """
    bodies = tomllib.loads(path.read_text(encoding="utf-8"))
    return {kind: KINDS[kind].model_validate(body).model_dump(mode="json") for kind, body in bodies.items()}
