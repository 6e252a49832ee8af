"""Every kind of message that the hub sends is one that a strict WhatsApp takes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from hub.contracts import Accepted, Content, Rejected
from hub.system import SystemClock
from schemas.content import Button, Menu, MenuRow, MenuSection, OutboundFile
from tests.connectors.whatsapp.harness import PHONE, TOKEN, Rig, call, running

YES_NO = (Button(id="t:1:si", title="Sí"), Button(id="t:1:no", title="No"))
MENU = Menu(label="Ver opciones", sections=(MenuSection(rows=(MenuRow(id="v", title="Ventas"),)),))
LINK = "https://files.example.com/manual.pdf"
TEMPLATE = {"name": "exsim_encuesta", "language": "es_MX", "variables": {"nombre": "Ana"}}


def rows(*titles: str) -> Menu:
    """Return a list with these options."""
    return Menu(label="Ver", sections=(MenuSection(rows=tuple(MenuRow(id=t[:9], title=t) for t in titles)),))


@pytest.mark.parametrize(
    ("text", "content", "shown"),
    [
        ("Su folio es T-1", Content(quotes="wamid.HBgIn1"), "Su folio es T-1"),
        ("¿Quedó resuelto?", Content(buttons=YES_NO), "¿Quedó resuelto?"),
        ("Elija el módulo", Content(menu=MENU), "Elija el módulo"),
        ("¿Dónde está?", Content(asks_location=True), "¿Dónde está?"),
        ("Paso 2", Content(file=OutboundFile(kind="image", id="667788990011223")), "Paso 2"),
        ("", Content(file=OutboundFile(kind="document", link=LINK, filename="manual.pdf")), "[document]"),
        ("", Content(file=OutboundFile(kind="voice", id="667788990011224")), "[audio]"),
        ("", Content(file=OutboundFile(kind="video", link="https://files.example.com/a.mp4")), "[video]"),
    ],
    ids=["quoting", "buttons", "list", "location", "image", "document", "voice", "video"],
)
async def test_each_kind_arrives(text: str, content: Content, shown: str) -> None:
    async with running() as rig:
        outcome = await _send(rig, text, await _uploaded(rig, content.payload()))

        assert isinstance(outcome, Accepted), outcome
        (entry,) = await rig.ledger("send")
        assert (entry["text"], entry["taken"]) == (shown, True)


@pytest.mark.parametrize(
    ("text", "content", "code"),
    [
        ("", Content(buttons=YES_NO), "empty_text"),
        ("x" * 1025, Content(buttons=YES_NO), "text_too_long"),
        ("¿?", Content(buttons=(*YES_NO, *YES_NO)), "buttons"),
        ("¿?", Content(buttons=(YES_NO[0], YES_NO[0])), "buttons"),
        ("¿?", Content(buttons=(Button(id="1", title="Sí, ya quedó resuelto"),)), "buttons"),
        ("x" * 4097, Content(menu=MENU), "text_too_long"),
        ("¿?", Content(menu=rows(*(f"opción {n}" for n in range(11)))), "list"),
        ("¿?", Content(menu=rows("una opción de más de veinticuatro")), "list"),
        ("¿?", Content(menu=Menu(label="V", sections=(MENU.sections[0], MENU.sections[0]))), "list"),
        ("x" * 1025, Content(file=OutboundFile(kind="image", id="1")), "text_too_long"),
        ("Escuche", Content(file=OutboundFile(kind="voice", id="1")), "caption"),
        ("", Content(file=OutboundFile(kind="image", link="http://files.example.com/a")), "file"),
        ("", Content(file=OutboundFile(kind="image")), "file"),
        ("x" * 1025, Content(asks_location=True), "text_too_long"),
    ],
)
async def test_what_is_beyond_the_limits_never_leaves(text: str, content: Content, code: str) -> None:
    async with running() as rig:
        outcome = await _send(rig, text, content.payload())

        assert isinstance(outcome, Rejected)
        assert (outcome.code, outcome.explanation_es[-1]) == (code, ".")
        assert await rig.ledger("send") == []


async def test_the_window_is_kept_by_the_simulator_as_by_meta() -> None:
    yesterday = SystemClock().now() - timedelta(hours=25)
    async with running(windows="strict") as rig:
        unknown = await _send(rig, "Hola", {})
        await rig.control("POST", "say", {"from": PHONE, "text": "a", "timestamp": int(yesterday.timestamp())})
        late = await _send(rig, "Hola", {})
        await rig.control("POST", "say", {"from": PHONE, "text": "b"})
        in_time = await _send(rig, "Hola", {})

    assert [getattr(one, "code", None) for one in (unknown, late)] == ["131047", "131047"]
    assert isinstance(in_time, Accepted)


async def test_only_an_approved_template_goes_with_its_own_variables_outside_the_window() -> None:
    async with running(windows="strict") as rig:
        missing = await _send(rig, "", {"template": TEMPLATE})
        await _create(rig)
        pending = await _send(rig, "", {"template": TEMPLATE})
        await rig.control("POST", "templates", {"name": "exsim_encuesta", "status": "APPROVED"})
        wrong = await _send(rig, "", {"template": {**TEMPLATE, "variables": {}}})
        taken = await _send(rig, "", {"template": TEMPLATE})
        await rig.control("POST", "templates", {"name": "exsim_encuesta", "status": "PAUSED"})
        paused = await _send(rig, "", {"template": TEMPLATE})
        shown = [entry["text"] for entry in await rig.ledger("send") if entry["taken"]]

    codes = [getattr(one, "code", None) for one in (missing, pending, wrong, taken, paused)]
    assert codes == ["132001", "132001", "132000", None, "132015"]
    assert shown == ["Hola Ana, ¿quedó satisfecho?"]


async def _send(rig: Rig, text: str, payload: dict[str, Any]) -> Any:
    sender = rig.sender()
    try:
        return await sender.send(call(payload={"text": text, **payload}, reply_to={"to": PHONE.removeprefix("+")}))
    finally:
        await sender.close()


async def _create(rig: Rig) -> None:
    text = "Hola {{nombre}}, ¿quedó satisfecho?"
    example = {"body_text_named_params": [{"param_name": "nombre", "example": "Ana"}]}
    asked = {
        "name": "exsim_encuesta",
        "language": "es_MX",
        "category": "UTILITY",
        "parameter_format": "NAMED",
        "components": [{"type": "BODY", "text": text, "example": example}],
    }
    account = rig.simulator._options.business_account_id
    answer = await rig.http.post(
        f"{rig.url}/v26.0/{account}/message_templates", json=asked, headers={"authorization": f"Bearer {TOKEN}"}
    )
    assert answer.status_code == 200, answer.text


async def _uploaded(rig: Rig, payload: dict[str, Any]) -> dict[str, Any]:
    """Let the provider hold the file that a payload names by id."""
    if payload.get("file", {}).get("id") is None:
        return payload
    held = await rig.control("POST", "files", {"content": "YQ==", "mime_type": "image/jpeg"})
    return {**payload, "file": {**payload["file"], "id": held["id"]}}
