"""A case has at most one ticket, each under its own folio."""

from __future__ import annotations

import pytest

from hub.errors import NotFound
from hub.services import cases, tickets
from hub.store.transaction import Transaction
from schemas.conversations import CaseDiagnosed
from schemas.messages import MessageReceived
from tests.services.conftest import Desk


def message(desk: Desk, number: int = 1) -> MessageReceived:
    return MessageReceived(
        message_id=f"ms_{number}",
        conversation_id=desk.conversation,
        contact_id="ct_1",
        channel="whatsapp",
        asset="1",
        provider_message_id=f"wamid.{number}",
        kind="text",
        text="Hola",
    )


def open_and_diagnose(tx: Transaction, said: MessageReceived, desk: Desk) -> str:
    case = cases.open_for(tx, said, "Facturas con errores")
    cases.diagnose(
        tx,
        said,
        case,
        kind="bug",
        scope="short",
        needs_ticket=True,
        summary="Facturas con errores",
        asked_at=desk.clock.now(),
        rule="tests",
    )
    return case


async def diagnosed(desk: Desk, number: int = 1) -> CaseDiagnosed:
    await desk.do(lambda tx: open_and_diagnose(tx, message(desk, number), desk), cause=f"ev_{number}")
    data: CaseDiagnosed = (await desk.events("case.diagnosed"))[-1].data
    return data


async def test_a_case_is_found_while_it_is_open(desk: Desk) -> None:
    assert await desk.store.read(lambda tx: cases.open_of(tx, desk.conversation)) is None

    case = await diagnosed(desk)

    found = await desk.store.read(lambda tx: cases.open_of(tx, desk.conversation))
    assert found is not None
    assert (found.id, found.kind, found.scope, found.version) == (case.case_id, "bug", "short", 2)
    assert [event.partitionkey for event in await desk.events("case.%")] == [desk.conversation] * 2


async def test_many_cases_looked_up_at_once_get_a_folio_each_in_their_order(desk: Desk) -> None:
    first = await diagnosed(desk, 1)
    await desk.do(lambda tx: tickets.open_for(tx, first), cause="ev_first")
    wanted = [first, await diagnosed(desk, 2), await diagnosed(desk, 3)]

    def open_all(tx: Transaction) -> None:
        tickets.look_up(tx, [*wanted, wanted[2]])
        for case in [*wanted, wanted[2]]:
            tickets.open_for(tx, case)

    await desk.do(open_all, cause="ev_many")
    await desk.do(open_all, cause="ev_again")

    opened = [(event.data.case_id, event.data.folio) for event in await desk.events("ticket.opened")]
    assert opened == [(case.case_id, folio) for case, folio in zip(wanted, ("T-1001", "T-1002", "T-1003"), strict=True)]
    assert [row.folio for row in await desk.rows("SELECT folio FROM tickets ORDER BY position")] == [
        "T-1001",
        "T-1002",
        "T-1003",
    ]


async def test_a_look_up_tells_an_open_case_from_none_also_of_one_opened_since(desk: Desk) -> None:
    def look(tx: Transaction) -> list[str | None]:
        cases.look_up(tx, [desk.conversation, "cv_nobody"])
        found = [cases.open_id_of(tx, desk.conversation), cases.open_id_of(tx, "cv_nobody")]
        case = cases.open_for(tx, message(desk), "Facturas con errores")
        assert cases.open_id_of(tx, desk.conversation) == case
        return found

    assert await desk.do(look) == [None, None]

    (row,) = await desk.rows("SELECT id FROM cases")
    assert await desk.do(lambda tx: cases.open_id_of(tx, desk.conversation), cause="ev_later") == row.id


async def test_a_ticket_is_opened_once_a_case(desk: Desk) -> None:
    case = await diagnosed(desk)

    await desk.do(lambda tx: tickets.open_for(tx, case), cause="ev_a")
    await desk.do(lambda tx: tickets.open_for(tx, case), cause="ev_b")

    (event,) = await desk.events("ticket.opened")
    assert (event.data.folio, event.data.title, event.partitionkey) == (
        "T-1001",
        "Facturas con errores",
        desk.conversation,
    )


async def test_folios_count_up_without_gaps(desk: Desk) -> None:
    def fail_after(tx: Transaction, case: CaseDiagnosed) -> None:
        tickets.open_for(tx, case)
        raise ZeroDivisionError

    for number in range(1, 4):
        case = await diagnosed(desk, number)
        with pytest.raises(ZeroDivisionError):
            await desk.do(lambda tx, c=case: fail_after(tx, c))  # type: ignore[misc]
        await desk.do(lambda tx, c=case: tickets.open_for(tx, c), cause=f"ev_t{number}")  # type: ignore[misc]

    assert [event.data.folio for event in await desk.events("ticket.opened")] == ["T-1001", "T-1002", "T-1003"]
    listed = await desk.store.read(lambda tx: tickets.listing(tx, limit=2))
    assert [row.folio for row in listed] == ["T-1003", "T-1002"]
    older = await desk.store.read(lambda tx: tickets.listing(tx, before=listed[-1].position))
    assert [row.folio for row in older] == ["T-1001"]


async def test_a_ticket_is_found_by_folio_or_id(desk: Desk) -> None:
    case = await diagnosed(desk)
    await desk.do(lambda tx: tickets.open_for(tx, case))

    by_folio = await desk.store.read(lambda tx: tickets.get(tx, "T-1001"))
    by_id = await desk.store.read(lambda tx: tickets.get(tx, by_folio.id))

    assert by_folio == by_id
    with pytest.raises(NotFound, match="T-9999"):
        await desk.store.read(lambda tx: tickets.get(tx, "T-9999"))
