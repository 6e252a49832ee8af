"""A case that needs follow-up has one ticket, whatever is repeated."""

from __future__ import annotations

from typing import Any

import pytest

from hub.store.tables import tickets
from hub.store.transaction import Origin, UnitOfWork
from schemas.conversations import CaseDiagnosed
from schemas.tickets import TicketOpened
from tests.support.desk import Desk


async def _diagnose_again(desk: Desk, cause: str, **changes: Any) -> None:
    first = (await desk.stated(CaseDiagnosed))[0]
    again = first.data.model_copy(update=changes)

    def state(unit: UnitOfWork) -> None:
        unit.begin(Origin(cause, "test", "staff:1")).state(again, key=again.conversation_id)

    await desk.store.transact(state, name="test.diagnose")


async def test_a_case_becomes_a_ticket_under_the_next_folio(desk: Desk) -> None:
    await desk.says("No puedo timbrar")
    await desk.says("Se me olvidó la contraseña", phone="+523330001111")
    await desk.settle()

    folios = [row.folio for row in await desk.rows(tickets)]
    assert folios == ["T-1001", "T-1002"]
    first = (await desk.stated(TicketOpened))[0]
    assert first.data.folio == "T-1001"
    assert first.data.title == "No puedo timbrar"
    assert first.partitionkey == first.data.conversation_id, "the ticket leads back to its thread"


@pytest.mark.feature("TS-01", part="whatsapp")
async def test_one_conversation_and_topic_have_one_open_ticket(desk: Desk) -> None:
    for text in ("No puedo timbrar", "Urge", "¿Hola?"):
        await desk.says(text)
    await desk.settle()
    for number in range(5):
        await _diagnose_again(desk, f"again-{number}")
    await desk.settle()

    (ticket,) = await desk.rows(tickets)
    (opened,) = await desk.stated(TicketOpened)
    assert (opened.data.ticket_id, opened.data.channel) == (ticket.id, "whatsapp")
    assert ticket.conversation_id == opened.partitionkey


async def test_a_case_that_is_attended_at_once_gets_none(desk: Desk) -> None:
    await desk.says("No puedo timbrar")
    await desk.settle()
    await _diagnose_again(desk, "attended", case_id="ca_attended", needs_ticket=False)
    await desk.settle()

    assert "ca_attended" not in [row.case_id for row in await desk.rows(tickets)]
    assert len(await desk.stated(TicketOpened)) == 1
