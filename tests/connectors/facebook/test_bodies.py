"""Every kind of Messenger message that the hub sends is one that a strict Facebook takes."""

from __future__ import annotations

from typing import Any

import pytest

from hub.contracts import Accepted, Content, Rejected
from schemas.content import Button, Menu, MenuRow, MenuSection, OutboundFile
from tests.connectors.facebook.harness import Rig, call, running

YES_NO = (Button(id="t:1:si", title="Sí"), Button(id="t:1:no", title="No"))
MENU = Menu(label="Ver", sections=(MenuSection(rows=(MenuRow(id="v", title="Ventas"),)),))


@pytest.mark.parametrize(
    ("text", "content", "shown"),
    [
        ("Su folio es T-1", Content(quotes="m_1"), "Su folio es T-1"),
        ("¿Quedó?", Content(buttons=YES_NO), "¿Quedó?"),
        ("Elija", Content(menu=MENU), "Elija"),
        ("", Content(file=OutboundFile(kind="image", link="https://files.example.com/a.png")), "[image]"),
        ("", Content(file=OutboundFile(kind="document", id="998877665544")), "[file]"),
        ("", Content(file=OutboundFile(kind="voice", id="998877665545")), "[audio]"),
    ],
    ids=["quoting", "quick replies", "list", "image", "document", "voice"],
)
async def test_each_kind_arrives(text: str, content: Content, shown: str) -> None:
    async with running() as rig:
        sender = rig.sender()
        payload = await _uploaded(rig, content.payload())
        outcome = await sender.send(call(payload={"text": text, **payload}))
        await sender.close()

        assert isinstance(outcome, Accepted), outcome
        (entry,) = await rig.ledger("send")
        assert (entry["text"], entry["taken"]) == (shown, True)


@pytest.mark.parametrize(
    ("text", "content", "code"),
    [
        ("", Content(buttons=YES_NO), "empty_text"),
        ("x" * 2000, Content(buttons=YES_NO), "text_too_long"),
        ("¿?", Content(buttons=tuple(Button(id=str(n), title=str(n)) for n in range(14))), "buttons"),
        ("¿?", Content(buttons=(Button(id="1", title="Sí, ya quedó resuelto"),)), "buttons"),
        ("Mire", Content(file=OutboundFile(kind="image", id="1")), "caption"),
        ("", Content(file=OutboundFile(kind="image", link="http://a.example.com")), "file"),
        ("¿Dónde?", Content(asks_location=True), "location_request"),
    ],
)
async def test_what_is_beyond_the_limits_never_leaves(text: str, content: Content, code: str) -> None:
    async with running() as rig:
        sender = rig.sender()
        outcome = await sender.send(call(payload={"text": text, **content.payload()}))
        await sender.close()

        assert isinstance(outcome, Rejected)
        assert (outcome.code, outcome.explanation_es[-1]) == (code, ".")
        assert await rig.ledger("send") == []


async def _uploaded(rig: Rig, payload: dict[str, Any]) -> dict[str, Any]:
    """Let the provider hold the file that a payload names by id."""
    if payload.get("file", {}).get("id") is None:
        return payload
    held = await rig.control("POST", "files", {"content": "YQ==", "mime_type": "image/jpeg"})
    return {**payload, "file": {**payload["file"], "id": held["id"]}}
