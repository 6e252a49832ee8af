"""The templates that are shipped: within Meta's limits, one an intent, submitted once."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors._meta.transport import Credentials
from connectors.whatsapp import template_files
from connectors.whatsapp.client import Access
from connectors.whatsapp.office import Office
from hub.errors import Misconfigured, Permanent, Transient
from tests.connectors.whatsapp.harness import APP_SECRET, TOKEN, Rig, running
from tests.support.ports import free_ports

INTENTS = {"status", "waiting_for_you", "survey", "demo_offer", "reminder", "moved", "cancelled", "staff_offer"}
GOOD = """
name = "exsim_prueba"
category = "UTILITY"
body = "Hola {{nombre}}, su caso sigue en proceso."

[examples]
nombre = "Ana"
"""


def office(url: str, token: str = TOKEN) -> Office:
    access = Access(url, "v26.0", 5, Credentials(lambda: (token.encode(),), lambda: (APP_SECRET,)))
    return Office(access, "123450000000001")


def test_every_intent_has_its_template() -> None:
    assert {one.intent for one in template_files.shipped()} == INTENTS
    assert len({one.name for one in template_files.shipped()}) == len(INTENTS)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("exsim_prueba", "Exsim Prueba", "lower-case"),
        ("UTILITY", "MARKETING", "UTILITY"),
        ("Hola {{nombre}}", "{{nombre}}", "first or last"),
        ("su caso sigue en proceso.", "{{nombre}}", "first or last"),
        ("{{nombre}}", "{{1}}", "lower_case"),
        ("su caso", "{{folio}}", "each variable has an example"),
        ("Hola {{nombre}}, su caso sigue en proceso.", "A {{nombre}}.", "too many variables"),
        ('nombre = "Ana"', 'nombre = "Ana"\nfolio = "T-1"', "nothing else has one"),
        ("su caso", "x" * 1024, "1024 characters"),
        ('category = "UTILITY"', "", "category"),
        ("name =", "name", "one.toml"),
    ],
)
def test_a_wrong_file_is_named_with_its_cure(tmp_path: Path, old: str, new: str, problem: str) -> None:
    (tmp_path / "one.toml").write_text(GOOD)
    assert [one.variables for one in template_files.shipped(tmp_path)] == [["nombre"]]
    (tmp_path / "one.toml").write_text(GOOD.replace(old, new))

    with pytest.raises(Misconfigured, match=r"one\.toml: ") as caught:
        template_files.shipped(tmp_path)
    assert problem in str(caught.value)


async def test_what_is_shipped_is_taken_by_meta_then_approved() -> None:
    async with running() as rig:
        desk = office(rig.url)
        assert await desk.standings() == []
        handed = [await desk.submit(draft) for draft in desk.drafts()]
        await _review(rig, "exsim_estado", "APPROVED")
        await _review(rig, "exsim_encuesta", "REJECTED")
        found = {one.name: one.state for one in await desk.standings()}

        assert {one.state for one in handed} == {"pending"}
        assert len(found) == len(INTENTS)
        assert (found["exsim_estado"], found["exsim_encuesta"]) == ("approved", "rejected")
        with pytest.raises(Permanent, match="already content"):
            await desk.submit(desk.drafts()[0])


async def test_trouble_with_the_provider_is_told_in_words() -> None:
    async with running() as rig:
        with pytest.raises(Permanent, match="190"):
            await office(rig.url, token="EAAG-other").standings()
    with pytest.raises(Transient, match="No se pudo hablar con WhatsApp"):
        await office(f"http://127.0.0.1:{free_ports(1)[0]}").standings()


async def _review(rig: Rig, name: str, status: str) -> None:
    await rig.control("POST", "templates", {"name": name, "status": status})
