"""Tickets under a folio, one a case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Row

from hub.errors import NotFound
from hub.services import conversations
from hub.store.tables import counters, tickets
from hub.store.transaction import Transaction
from schemas.conversations import CaseDiagnosed
from schemas.fields import Channel
from schemas.tickets import TicketOpened

_OF_CASES: Final = select(tickets.c.case_id, tickets.c.id).where(
    tickets.c.case_id.in_(bindparam("cases", expanding=True))
)
_INSERT: Final = insert(tickets)
_BY_NAME: Final = select(tickets).where((tickets.c.id == bindparam("name")) | (tickets.c.folio == bindparam("name")))
_LIST: Final = (
    select(tickets)
    .where(tickets.c.position < bindparam("before"))
    .order_by(tickets.c.position.desc())
    .limit(bindparam("limit"))
)
_COUNTED: Final = insert(counters).values(name=bindparam("counter"), value=bindparam("first"))
_TAKE: Final = _COUNTED.on_conflict_do_update(
    index_elements=["name"], set_={"value": counters.c.value + bindparam("more")}
).returning(counters.c.value)
_OF_CASE: Final = "tickets of cases"
_FOLIOS: Final = "folios"

NEWEST: Final = 2**62


def look_up(tx: Transaction, wanted: Sequence[CaseDiagnosed]) -> None:
    """Read what the tickets of cases need whose keys are locked; take a folio for each that has no ticket yet.

    Folios are counted by one row, which nobody else can move before this transaction ends: once a transaction, last.
    """
    cases = list(dict.fromkeys(case.case_id for case in wanted))
    known = tx.looked_up(_OF_CASE)
    known.update(dict.fromkeys(cases))
    known.update((row.case_id, row.id) for row in tx.all(_OF_CASES, cases=cases))
    conversations.look_up(tx, (case.conversation_id for case in wanted))
    missing = [case for case in cases if known[case] is None]
    if missing:
        tx.looked_up(_FOLIOS).update(zip(missing, _take_folios(tx, len(missing)), strict=True))


def open_for(tx: Transaction, case: CaseDiagnosed) -> None:
    """Open the ticket of a case, unless it has one already (TS-01)."""
    known = tx.looked_up(_OF_CASE)
    if case.case_id not in known:
        look_up(tx, [case])
    if known[case.case_id] is not None:
        return
    conversation = conversations.get(tx, case.conversation_id)
    ticket = tx.new_id("tk")
    folio = tx.looked_up(_FOLIOS)[case.case_id]
    known[case.case_id] = ticket
    tx.write(
        _INSERT,
        id=ticket,
        folio=folio,
        case_id=case.case_id,
        conversation_id=case.conversation_id,
        contact_id=case.contact_id,
        channel=conversation.channel,
        kind=case.kind,
        title=case.summary,
        state="open",
        asked_at=case.asked_at,
        opened_at=tx.now,
        version=1,
    )
    tx.state(
        TicketOpened(
            ticket_id=ticket,
            folio=folio,
            case_id=case.case_id,
            conversation_id=case.conversation_id,
            contact_id=case.contact_id,
            channel=cast("Channel", conversation.channel),
            kind=case.kind,
            title=case.summary,
            asked_at=case.asked_at,
        ),
        key=case.conversation_id,
        subject=ticket,
    )


def get(tx: Transaction, name: str) -> Row[Any]:
    """Return one ticket by id or folio.

    Raises:
        NotFound: There is none of that name.
    """
    found = tx.one(_BY_NAME, name=name)
    if found is None:
        msg = f"there is no ticket {name}"
        raise NotFound(msg)
    return found


def listing(tx: Transaction, limit: int = 50, before: int = NEWEST) -> Sequence[Row[Any]]:
    """Return tickets, newest first."""
    return tx.all(_LIST, limit=limit, before=before)


def _take_folios(tx: Transaction, count: int) -> list[str]:
    folios = tx.policies.folios
    row = tx.one(_TAKE, counter="ticket_folio", first=folios.first + count - 1, more=count)
    if row is None:
        msg = "the folio counter gave no number"
        raise RuntimeError(msg)
    return [f"{folios.prefix}{number}" for number in range(row.value - count + 1, row.value + 1)]
