"""What a function may do inside one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol, TypeVar

from sqlalchemy import Executable, UpdateBase
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection, Row

from hub.domain.policies import Policies
from hub.store import prepared, tables
from hub.store.writes import Writes
from schemas import ids
from schemas.envelope import CloudEvent, EventData, schema_address

D = TypeVar("D", bound=EventData)

KEY: Final = "key"
"""The kind of lock under which the events of one key are handled or stated."""

_INSERT_EVENT: Final = insert(tables.events)


@dataclass(frozen=True, slots=True)
class Origin:
    """Why something is done, by whom.

    Attributes:
        cause: Id of the event, delivery item or command that is being handled; ids of what follows derive from it.
        by: Consumer group, ``ingest``, or the command's name.
        received_at: When what is handled came in; events that are stated say so.
        born: When the cause was received, where that is written down for ever: derived ids begin with it.
        actor: ``hub:<group>``, ``staff:<id>``, ``customer`` or ``provider``.
    """

    cause: str
    by: str
    actor: str
    traceparent: str | None = None
    received_at: datetime | None = None
    born: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stated:
    """One stated event on its way to the table."""

    event: CloudEvent[Any]
    data_json: str


@dataclass(frozen=True, slots=True)
class Projection:
    """A table that is built from events alone, in the transaction that states them."""

    name: str
    types: frozenset[str]
    apply: Callable[[Transaction, CloudEvent[Any]], None]


def by_type(projections: Iterable[Projection]) -> dict[str, list[Projection]]:
    """Return for each type of event the projections that are built from it."""
    found: dict[str, list[Projection]] = {}
    for projection in projections:
        for type_ in projection.types:
            found.setdefault(type_, []).append(projection)
    return found


class Locks(Protocol):
    """What keeps transactions that run at the same time from deciding about the same things."""

    def take(self, kind: str, ids: Iterable[str]) -> None:
        """Hold these until the transaction ends."""
        ...

    def try_take(self, kind: str, ids: Iterable[str]) -> set[str]:
        """Hold what nobody else holds, waiting for none; return what is held."""
        ...

    def mark_positions(self) -> None:
        """Say that positions in the log are about to be taken."""
        ...


@dataclass(slots=True)
class UnitOfWork:
    """All that one transaction writes; several causes may share it.

    Attributes:
        locks: None where there is one writer only.
        writes: What is written at the end at the latest.
        looked_up: What services read for many causes at once, by what it is.
    """

    connection: Connection
    now: datetime
    load_policies: Callable[[Connection, datetime], Policies]
    projections: Mapping[str, Sequence[Projection]] = field(default_factory=dict)
    stated: list[Stated] = field(default_factory=list)
    signals: set[str] = field(default_factory=set)
    locks: Locks | None = None
    writes: Writes = field(default_factory=Writes)
    looked_up: dict[str, dict[str, Any]] = field(default_factory=dict)
    _policies: Policies | None = None
    _flushed: int = 0

    def begin(self, origin: Origin) -> Transaction:
        """Return the view of this transaction in which everything derives from one cause."""
        return Transaction(self, origin)

    @property
    def policies(self) -> Policies:
        """The rules in force at ``now``, as this transaction sees them."""
        if self._policies is None:
            self._policies = self.load_policies(self.connection, self.now)
        return self._policies

    def forget_policies(self) -> None:
        """Read the rules again at the next look: this transaction changed them."""
        self._policies = None

    def flush(self) -> None:
        """Take positions for what was stated since the last call, then write it with its projections."""
        events = tuple(self.stated[self._flushed :])
        self._flushed = len(self.stated)
        if self.locks is not None and events:
            # Held until the commit: within a key positions grow in the order of commits.
            self.locks.take(KEY, {stated.event.partitionkey for stated in events})
        for stated in events:
            for projection in self.projections.get(stated.event.type, ()):
                projection.apply(self.begin(Origin(stated.event.id, projection.name, "hub")), stated.event)
        if len(self.stated) > self._flushed:
            msg = f"a projection stated {self.stated[-1].event.type}; it may only write its own table"
            raise TypeError(msg)
        if not events and not self.writes:
            return
        with prepared.together(self.connection):
            if events:
                if self.locks is not None:
                    self.locks.mark_positions()
                prepared.run_many(self.connection, _INSERT_EVENT, [_row(stated) for stated in events])
            self.writes.send(self.connection)

    def catch_up(self, statement: Executable, names: tuple[str, ...]) -> None:
        """Write what waits for the tables that a statement speaks of."""
        if self.writes:
            of = prepared.tables_of(self.connection, statement, names)
            if self.writes.touches(of):
                self.writes.send(self.connection, of)


class Transaction:
    """One cause's view of a transaction: query, state facts, derive ids.

    Lives no longer than the function it was given to.
    """

    __slots__ = ("_ordinals", "_prefix", "_unit", "now", "origin")

    def __init__(self, unit: UnitOfWork, origin: Origin) -> None:
        """Share the unit's connection with its instant."""
        self._unit = unit
        self.origin = origin
        self.now = unit.now
        self._ordinals: dict[str, int] = {}
        born = origin.born or origin.received_at
        self._prefix = "" if born is None else ids.instant_prefix(born)

    @property
    def policies(self) -> Policies:
        """The rules in force at ``now``."""
        return self._unit.policies

    def policies_changed(self) -> None:
        """Let whatever follows in this transaction see the rules that it wrote."""
        self._unit.forget_policies()

    def one(self, statement: Executable, **params: object) -> Row[Any] | None:
        """Return the first row, or None."""
        self._unit.catch_up(statement, tuple(params))
        return prepared.one(self._unit.connection, statement, params)

    def all(self, statement: Executable, **params: object) -> Sequence[Row[Any]]:
        """Return every row."""
        self._unit.catch_up(statement, tuple(params))
        return prepared.every(self._unit.connection, statement, params)

    def run(self, statement: Executable, **params: object) -> int:
        """Execute a write, then return how many rows it touched."""
        self._unit.catch_up(statement, tuple(params))
        return prepared.run(self._unit.connection, statement, params)

    def write(self, statement: UpdateBase, **params: object) -> None:
        """Execute a write at the end of the transaction, or before anything looks at its table.

        New rows of a table go before changes to it, so a change has to pick its rows by their ids.
        """
        self._unit.writes.add(statement, [params])

    def write_many(self, statement: UpdateBase, rows: Sequence[Mapping[str, object]]) -> None:
        """Execute a write once a row, as ``write`` does; nothing for no rows."""
        if rows:
            self._unit.writes.add(statement, rows)

    def looked_up(self, what: str) -> dict[str, Any]:
        """Return what services of this transaction have read of some kind of thing, by id, to be kept true by them.

        Only of what the locks of this transaction keep from changing.
        """
        return self._unit.looked_up.setdefault(what, {})

    def lock(self, kind: str, ids: Iterable[str]) -> None:
        """Let nobody else decide about these aggregates until the transaction ends.

        Whatever reads before it writes (capacity, turns, slots) says so here, before it reads. On SQLite the one
        writer holds the lock on everything already.
        """
        if self._unit.locks is not None:
            self._unit.locks.take(kind, ids)

    def try_lock(self, kind: str, ids: Iterable[str]) -> set[str]:
        """Lock those aggregates that nobody else has locked, then return them; nobody is waited for."""
        return set(ids) if self._unit.locks is None else self._unit.locks.try_take(kind, ids)

    def signal(self, name: str) -> None:
        """Tell whoever waits for ``name`` after the commit."""
        self._unit.signals.add(name)

    def new_id(self, prefix: str) -> str:
        """Return an entity id that derives from the cause: the next of its prefix."""
        return ids.entity_id(prefix, self.origin.cause, self.origin.by, self._next(prefix), self._prefix)

    def state(
        self,
        data: D,
        *,
        key: str,
        subject: str | None = None,
        id: str | None = None,  # noqa: A002 - the attribute's name in CloudEvents
        time: datetime | None = None,
        source: str | None = None,
        causation: str | None = None,
    ) -> CloudEvent[D]:
        """State a fact; it is written when the transaction ends, never without the rest of it."""
        origin = self.origin
        event_id = id or self._derived_id(data.TYPE)
        event = CloudEvent.trusted(
            specversion="1.0",
            id=event_id,
            source=source or f"/hub/{origin.by}",
            type=data.TYPE,
            subject=subject,
            time=time or self.now,
            receivedat=origin.received_at or self.now,
            datacontenttype="application/json",
            dataschema=schema_address(data.TYPE),
            partitionkey=key,
            traceparent=origin.traceparent,
            actor=origin.actor,
            causation=causation or origin.cause,
            data=data,
        )
        self._unit.stated.append(Stated(event, data.model_dump_json()))
        return event

    def _derived_id(self, type_: str) -> str:
        return ids.derived_event_id(self.origin.cause, self.origin.by, type_, self._next(type_), self._prefix)

    def _next(self, of: str) -> int:
        ordinal = self._ordinals.get(of, 0)
        self._ordinals[of] = ordinal + 1
        return ordinal


def _row(stated: Stated) -> dict[str, object]:
    event = stated.event
    return {
        "id": event.id,
        "type": event.type,
        "key": event.partitionkey,
        "subject": event.subject,
        "source": event.source,
        "time": event.time,
        "receivedat": event.receivedat,
        "actor": event.actor,
        "causation": event.causation,
        "traceparent": event.traceparent,
        "data": stated.data_json,
    }


__all__ = ["KEY", "Locks", "Origin", "Policies", "Projection", "Stated", "Transaction", "UnitOfWork"]
