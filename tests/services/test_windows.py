"""The free-form window decides what a reply becomes, before anything leaves (CO-01, CO-02, R-C13)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from hub.services import replies, templates, windows
from hub.store import effects
from hub.store.transaction import Transaction
from tests.services.conftest import Desk
from tests.support.replying import open_conversation

SURVEY = {
    "connector": "whatsapp",
    "account": "123450000000001",
    "name": "exsim_encuesta",
    "language": "es_MX",
    "intent": "survey",
    "category": "UTILITY",
    "body": "Hola {{nombre}}, cerramos su caso {{folio}}. ¿Quedó satisfecho?",
    "variables": ["nombre", "folio"],
    "state": "approved",
    "provider_id": "1122334455",
    "reason": None,
}
FILLED = {"nombre": "Ana", "folio": "T-1042"}


async def conversation(desk: Desk, *, hours_ago: float, connector: str = "whatsapp") -> str:
    """Return a conversation in which somebody wrote so long ago."""
    at = desk.clock.now() - timedelta(hours=hours_ago)
    return await open_conversation(desk.store, "luis", connector=connector, opened_at=at)


async def ask(desk: Desk, where: str, **given: Any) -> Any:
    """Ask for a reply; return its effect."""
    about: dict[str, Any] = {"intent": "survey", "useful_for": timedelta(days=30), **given}
    id_ = await desk.do(lambda tx: replies.request(tx, where, "¿Quedó satisfecho?", **about), cause=f"ev_{where}")
    return await desk.store.read(lambda tx: effects.get(tx, id_))


async def approve(desk: Desk, **changed: Any) -> None:
    """Write a template down."""
    row: Mapping[str, Any] = {**SURVEY, **changed}
    await desk.do(lambda tx: templates.keep(tx, row), cause=f"ev_{changed}")


@pytest.mark.feature("CO-01", part="whatsapp")
async def test_inside_the_window_it_goes_as_it_was_written(desk: Desk) -> None:
    await approve(desk)

    effect = await ask(desk, await conversation(desk, hours_ago=23), variables=FILLED)

    assert (effect.state, effect.payload["text"], effect.payload["window"]) == ("intent", "¿Quedó satisfecho?", "free")
    assert "template" not in effect.payload


@pytest.mark.feature("CO-01", part="whatsapp")
async def test_when_it_is_shut_the_template_of_the_intent_goes_instead(desk: Desk) -> None:
    await approve(desk)

    effect = await ask(desk, await conversation(desk, hours_ago=24), variables=FILLED)

    text = "Hola Ana, cerramos su caso T-1042. ¿Quedó satisfecho?"
    assert (effect.state, effect.payload["text"]) == ("intent", text)
    assert effect.payload["template"] == {"name": "exsim_encuesta", "language": "es_MX", "variables": FILLED}
    (event,) = await desk.events("reply.requested")
    assert (event.data.kind, event.data.template, event.data.text) == ("template", "exsim_encuesta", text)


@pytest.mark.feature("CO-01", part="whatsapp")
@pytest.mark.parametrize(
    ("changed", "variables", "why"),
    [
        ({"intent": "reminder"}, FILLED, "no hay plantilla para «survey»"),
        ({"state": "pending"}, FILLED, "está pending, no aprobada"),
        ({}, {"nombre": "Ana"}, "faltan folio"),
        ({}, {**FILLED, "precio": "100"}, "sobran precio"),
        ({}, {**FILLED, "nombre": "Ana\nTorres"}, "«nombre» está vacía o tiene saltos"),
        ({}, {**FILLED, "nombre": " "}, "«nombre» está vacía"),
        ({}, {**FILLED, "nombre": "a" * 1024}, "pasa de 1024 caracteres"),
    ],
)
async def test_without_a_template_that_fits_a_person_is_told_before_any_call(
    desk: Desk, changed: dict[str, Any], variables: dict[str, str], why: str
) -> None:
    await approve(desk, **changed)

    effect = await ask(desk, await conversation(desk, hours_ago=24), variables=variables)

    assert (effect.state, effect.code, effect.attempts) == ("failed", "window", 0)
    (event,) = await desk.events("reply.failed")
    assert (event.data.code, event.data.attempt) == ("window", 0)
    assert why in event.data.explanation_es
    assert event.data.explanation_es == effect.explanation_es
    ((state,),) = await desk.rows("SELECT state FROM messages WHERE direction = 'out'")
    assert state == "failed"


@pytest.mark.feature("CO-01", part="facebook")
@pytest.mark.parametrize(
    ("hours", "by", "expected"),
    [
        (23, "hub", ("intent", "free")),
        (25, "person", ("intent", "human_agent")),
        (25, "hub", ("failed", None)),
        (24 * 7, "person", ("failed", None)),
    ],
)
async def test_on_messenger_a_person_may_answer_for_seven_days(
    desk: Desk, hours: float, by: Any, expected: tuple[str, str | None]
) -> None:
    effect = await ask(desk, await conversation(desk, hours_ago=hours, connector="facebook"), written_by=by)

    assert (effect.state, effect.payload.get("window")) == expected


async def test_a_template_that_meta_pauses_is_used_no_more(desk: Desk) -> None:
    await approve(desk)
    await desk.do(lambda tx: _told(tx, desk, "paused"), cause="ev_paused")

    effect = await ask(desk, await conversation(desk, hours_ago=24), variables=FILLED)

    assert (effect.state, effect.code) == ("failed", "window")
    await desk.do(lambda tx: _told(tx, desk, "approved"), cause="ev_approved")
    effect = await ask(desk, await open_shut(desk), variables=FILLED)
    assert effect.state == "intent"


async def open_shut(desk: Desk) -> str:
    return await open_conversation(desk.store, "eva", opened_at=desk.clock.now() - timedelta(days=2))


def _told(tx: Transaction, desk: Desk, state: str) -> None:
    from hub.contracts import AccountItem, TemplateWord

    word = TemplateWord("exsim_encuesta", "es_MX", state)
    about = ("123450000000001", f"id-{state}", None, "message_template_status_update", state, "warning", "…")
    templates.told(tx, "whatsapp", AccountItem(*about, template=word), desk.clock.now())  # type: ignore[arg-type]


async def test_the_allowance_of_the_month_warns_at_four_fifths(desk: Desk) -> None:
    def count(tx: Transaction) -> None:
        for _ in range(200):
            templates.count(tx, "whatsapp", "223450000000002")

    for number in range(5):
        await desk.do(count, cause=f"ev_{number}")

    told = [event.data.change for event in await desk.events("account.changed")]
    assert told == ["800/1000", "1000/1000"]
    alarms = await desk.rows("SELECT alert, severity FROM channel_alerts")
    assert [tuple(row) for row in alarms] == [("templates:2026-11", "critical")]
    month = await desk.store.read(lambda tx: templates.counted(tx, "whatsapp", "223450000000002", "2026-11"))
    assert month == 1000


@pytest.mark.feature("CO-02")
async def test_the_time_left_is_data(desk: Desk) -> None:
    where = await conversation(desk, hours_ago=23)

    found = await desk.store.read(lambda tx: windows.listing(tx, 10))

    (one,) = [countdown for countdown in found if countdown.conversation_id == where]
    assert (one.seconds_left, one.channel, one.waits) == (3600, "whatsapp", False)
