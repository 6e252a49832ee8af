"""Holds what customers said against what the hub made of it: each item once, in order, or visible."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import psycopg

from tests.support.simulated_whatsapp import SimulatedWhatsApp


class Books:
    """Reads the database of a hub, whether it runs or not."""

    def __init__(self, data: Path) -> None:
        """Point at a data directory."""
        self._path = data / "hub.db"

    def rows(self, sql: str, *params: object) -> list[tuple[Any, ...]]:
        """Return what a query finds; nothing while there is no database yet."""
        if not self._path.exists():
            return []
        with closing(sqlite3.connect(f"file:{self._path}?mode=rw", uri=True, timeout=10)) as connection:
            try:
                return connection.execute(sql, params).fetchall()
            except sqlite3.OperationalError as error:
                if "no such table" in str(error):
                    return []
                raise

    def events(self, type_: str) -> list[tuple[str, dict[str, Any]]]:
        """Return (key, data) of the events of a type, in order."""
        found = self.rows("SELECT key, data FROM events WHERE type = ? ORDER BY position", f"hub.{type_}.v1")
        return [(key, json.loads(data)) for key, data in found]

    def count(self, table: str, where: str = "TRUE") -> int:
        """Return how many rows a table has."""
        found = self.rows(f"SELECT count(*) FROM {table} WHERE {where}")
        return int(found[0][0]) if found else 0


class PostgresBooks(Books):
    """Reads the PostgreSQL database of a hub; while its server is away there is nothing to read."""

    def __init__(self, url: str) -> None:
        """Point at a database."""
        self._url = url

    def rows(self, sql: str, *params: object) -> list[tuple[Any, ...]]:
        """Return what a query finds; nothing while there is no database yet."""
        try:
            with psycopg.connect(self._url) as connection:
                return connection.execute(sql.replace("?", "%s"), params or None).fetchall()
        except (psycopg.OperationalError, psycopg.errors.UndefinedTable):
            return []


def settled(books: Books, said: Mapping[str, Sequence[str]]) -> bool:
    """Tell whether every conversation has come to its end: heard, ticketed, its greeting ended."""
    heard = sum(len(texts) for texts in said.values())
    return (
        books.count("events", "type = 'hub.message.received.v1'") >= heard
        and books.count("tickets") >= len(said)
        and books.count("clocks") >= 2 * len(said)
        and books.count("effects") >= len(said)
        and books.count("effects", "state IN ('intent', 'sending') OR (state = 'unknown' AND code IS NULL)") == 0
    )


def problems(books: Books, whatsapp: SimulatedWhatsApp, said: Mapping[str, Sequence[str]]) -> list[str]:
    """Return every way in which the promise was broken; said maps a phone to its texts in order."""
    found: list[str] = []
    heard = books.events("message.received")
    texts: dict[str, list[str]] = {}
    for key, data in heard:
        texts.setdefault(key, []).append(data["text"])
    expected = sorted(list(lines) for lines in said.values())
    if sorted(texts.values()) != expected:
        found.append(f"heard {sorted(texts.values())}, said {expected}")
    for name, one in (("case", "cases"), ("ticket", "tickets"), ("contact", "contacts"), ("thread", "conversations")):
        if books.count(one) != len(said):
            found.append(f"{books.count(one)} {name}s for {len(said)} conversations")
    for type_, times in (("ticket.opened", 1), ("clock.started", 2), ("case.diagnosed", 1), ("reply.requested", 1)):
        per_key = Counter(key for key, _ in books.events(type_))
        if set(per_key.values()) - {times} or len(per_key) != len(said):
            found.append(f"{type_}: {dict(per_key)}, each should have {times}")
    return found + doubles(books, whatsapp)


class Keeper(Protocol):
    """Who has the provider's ledger."""

    def ledger(self, **wanted: str) -> list[dict[str, Any]]:
        """Return entries whose fields are as wanted."""
        ...


def doubles(books: Books, whatsapp: Keeper) -> list[str]:
    """Return effects that a phone received twice, or never without anybody being told."""
    found = []
    taken = Counter(entry["effect"] for entry in whatsapp.ledger(kind="send", taken="True"))
    for effect, state, code in books.rows("SELECT id, state, code FROM effects"):
        doubtful = state == "unknown" and code is not None
        if taken[effect] > 1:
            found.append(f"effect {effect} was taken {taken[effect]} times")
        if taken[effect] == 0 and state in {"accepted", "confirmed"}:
            found.append(f"effect {effect} is {state}, yet no phone received it")
        if state not in {"accepted", "confirmed", "failed"} and not doubtful:
            found.append(f"effect {effect} is left {state}")
    return found
