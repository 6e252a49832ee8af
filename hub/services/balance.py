"""Whether everything taken in is accounted for, counted from sources that know nothing of each other."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, bindparam, func, or_, select

from hub.store import events as event_store
from hub.store import groups as group_store
from hub.store.tables import dead_letters, deliveries, events, waiting_items
from hub.store.transaction import Transaction
from schemas.operations import DeadLetterAdded

_COUNTED: Final = ("published", "ignored", "duplicate", "quarantined", "waiting")
_SUMS: Final[Select[Any]] = select(
    func.count(),
    *(func.coalesce(func.sum(deliveries.c[name]), 0) for name in ("items", *_COUNTED)),
)
_UNEQUAL: Final = (
    select(deliveries.c.id)
    .where(deliveries.c["items"] != sum((deliveries.c[name] for name in _COUNTED[1:]), deliveries.c.published))
    .order_by(deliveries.c.position)
    .limit(bindparam("limit"))
)
# An item's event is caused by its place in a delivery. A status of the provider names itself as its cause.
_ITEM_EVENTS: Final = (
    select(func.count())
    .select_from(events)
    .where(
        or_(events.c.causation.like("dl!_%/%", escape="!"), events.c.causation == events.c.id),
        events.c.type != DeadLetterAdded.TYPE,
    )
)
_QUARANTINED: Final = (
    select(func.count())
    .select_from(dead_letters)
    .where(dead_letters.c.scope == "item", dead_letters.c.state != "redriven")
)
_WAITING: Final = select(func.count()).select_from(waiting_items)
_GROUP_DEAD: Final = (
    select(func.count())
    .select_from(dead_letters)
    .where(
        dead_letters.c.scope == "event",
        dead_letters.c.group == bindparam("of_group"),
        dead_letters.c.state != "redriven",
    )
)

_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class JournalCount:
    """What a journal says of itself, counted around the look at the database.

    Attributes:
        at_least: Deliveries it had taken before the look.
        at_most: Deliveries it had taken after the look.
        ingested: Deliveries that the cursor has counted as done.
        pending: Deliveries behind that cursor.
    """

    journal: str
    at_least: int
    at_most: int
    ingested: int
    pending: int


@dataclass(frozen=True, slots=True)
class JournalBalance:
    """Deliveries of one journal: journaled = ingested + pending."""

    journal: str
    journaled: int
    ingested: int
    pending: int


@dataclass(frozen=True, slots=True)
class ItemBalance:
    """Items of ingested deliveries by what became of them."""

    deliveries: int
    items: int
    published: int
    ignored: int
    duplicate: int
    quarantined: int
    waiting: int


@dataclass(frozen=True, slots=True)
class GroupBalance:
    """Events of one group's types: total = done + dead + held + not yet reached."""

    group: str
    total: int
    done: int
    dead: int
    held: int
    not_reached: int


@dataclass(frozen=True, slots=True)
class Balance:
    """The whole account; ``broken`` says in Spanish what does not add up, empty when all does."""

    journal: JournalBalance | None
    items: ItemBalance
    groups: tuple[GroupBalance, ...]
    broken: tuple[str, ...]


def measure(tx: Transaction, types: Mapping[str, Collection[str]], journal: JournalCount | None) -> Balance:
    """Count everything on one snapshot.

    Args:
        tx: Only reads; goes over the whole log, so not for every request.
        types: The event types of each group that this code has a handler for.
        journal: What the journal of this machine says of itself, None where there is none.
    """
    broken: list[str] = []
    journal_balance = None if journal is None else _of_journal(journal, broken)
    items = _of_items(tx, broken)
    groups = tuple(_of_group(tx, row, types[row.name], broken) for row in group_store.everyone(tx) if row.name in types)
    return Balance(journal_balance, items, groups, tuple(broken))


def _of_journal(journal: JournalCount, broken: list[str]) -> JournalBalance:
    accounted = journal.ingested + journal.pending
    if not journal.at_least <= accounted <= journal.at_most:
        broken.append(
            f"Bitácora: se aceptaron {journal.at_most} entregas, pero {journal.ingested} ingresadas "
            f"más {journal.pending} pendientes son {accounted}."
        )
    return JournalBalance(journal.journal, journal.at_most, journal.ingested, journal.pending)


def _of_items(tx: Transaction, broken: list[str]) -> ItemBalance:
    row = tx.one(_SUMS)
    count, *sums = [0] * 7 if row is None else [int(value) for value in row]
    found = ItemBalance(count, *sums)
    unequal = [one.id for one in tx.all(_UNEQUAL, limit=_NAMED)]
    if unequal:
        broken.append(f"Entregas cuyos elementos no suman lo que fue de ellos: {', '.join(unequal)}…")
    _compare(broken, "publicados", found.published, "eventos", _count(tx, _ITEM_EVENTS))
    _compare(broken, "en cuarentena", found.quarantined, "mensajes muertos de entregas", _count(tx, _QUARANTINED))
    _compare(broken, "en espera de su original", found.waiting, "filas en espera", _count(tx, _WAITING))
    return found


def _of_group(tx: Transaction, row: Any, types: Collection[str], broken: list[str]) -> GroupBalance:
    total = event_store.total(tx, row.name, types, row.start)
    undone, _, held = event_store.undone_count(tx, row.name, types, row.start, 0)
    above, _, _ = event_store.undone_count(tx, row.name, types, row.start, row.floor)
    dead = _count(tx, _GROUP_DEAD, of_group=row.name)
    done = total - undone - dead
    if undone != above:
        broken.append(f"Grupo {row.name}: {undone - above} eventos sin hacer quedaron detrás de su marca de avance.")
    if done < 0:
        broken.append(f"Grupo {row.name}: de {total} eventos, {undone} sin hacer más {dead} muertos son demasiados.")
    return GroupBalance(row.name, total, done, dead, held, undone - held)


def _compare(broken: list[str], counted: str, expected: int, of: str, found: int) -> None:
    if expected != found:
        broken.append(f"Elementos {counted}: las entregas dicen {expected}, pero hay {found} {of}.")


def _count(tx: Transaction, statement: Select[Any], **params: object) -> int:
    row = tx.one(statement, **params)
    return 0 if row is None else int(row[0])
