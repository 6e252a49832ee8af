"""Command ``hub normalize``: a payload's events, from nothing, leaving nothing."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from hub import discovery
from hub.cli.preview import preview
from tests.cli.conftest import Run
from tests.features.catalogue import ROOT

SAMPLES = ROOT / "connectors" / "whatsapp" / "samples"


def test_each_event_is_a_line(hub: Run) -> None:
    ran = hub("normalize", "whatsapp", SAMPLES / "text.json")

    assert ran.code == 0
    assert [event["type"] for event in ran.lines] == [
        "hub.contact.identified.v1",
        "hub.conversation.opened.v1",
        "hub.message.received.v1",
    ]
    assert ran.lines[-1]["causation"].startswith("dl_")
    assert ran.err == "whatsapp: 1 published\n"


def test_the_same_payload_gives_the_same_lines(hub: Run) -> None:
    first, second = (hub("normalize", "whatsapp", SAMPLES / "batch.json").out for _ in range(2))

    assert first == second != ""


def test_what_is_refused_is_among_the_events(hub: Run, tmp_path: Path) -> None:
    (tmp_path / "broken").write_bytes(b"{")

    ran = hub("normalize", "whatsapp", tmp_path / "broken")

    assert ran.code == 1
    assert [event["type"] for event in ran.lines] == ["hub.dead_letter.added.v1", "hub.delivery.refused.v1"]
    assert hub("normalize", "whatsapp", SAMPLES / "broken_between_good.json").code == 1


def test_a_status_waits_for_its_original(hub: Run) -> None:
    ran = hub("normalize", "whatsapp", SAMPLES / "statuses.json")

    assert ran.code == 0
    assert [(line["item"], line["became"]) for line in ran.lines] == [
        (0, "waiting"), (1, "waiting"), (2, "waiting"), (3, "waiting"), (4, "ignored"), (5, "waiting")
    ]  # fmt: skip
    assert ran.lines[4]["reason"] == "status warning is not used"
    assert ran.err == "whatsapp: 1 ignored, 5 waiting\n"


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*[!s].json")), ids=lambda path: path.stem)
def test_every_item_of_a_payload_is_a_line(path: Path) -> None:
    """Nothing is dropped in silence: as many lines of items as the connector finds items."""
    found = preview(discovery.connectors()["whatsapp"], path.read_bytes())

    told = sum(event["causation"].startswith("dl_") for event in found.events if "dead_letter" not in event["type"])
    assert told + len(found.others) == sum(found.items.values()) > 0


def test_standard_input_is_a_dash(hub: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    payload = io.BytesIO((SAMPLES / "text.json").read_bytes())
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=payload))

    assert len(hub("normalize", "whatsapp", "-").lines) == 3


def test_a_file_that_is_not_there_is_wrong_usage(hub: Run, tmp_path: Path) -> None:
    assert hub("normalize", "whatsapp", tmp_path / "nothing.json").code == 2


@pytest.mark.feature("DX-03", part="whatsapp")
def test_it_needs_no_settings_and_touches_nothing(tmp_path: Path) -> None:
    """As a process of its own, whose home, directory for temporary files, directory of work stay empty."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    environment |= {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "hub", "normalize", "whatsapp", str(SAMPLES / "text.json")]

    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)

    assert len(ran.stdout.splitlines()) == 3
    assert list(tmp_path.iterdir()) == []
