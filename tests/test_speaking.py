"""One number has one speaking route, at start as for the doctor (R-C7)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from connectors.whatsapp import CONNECTOR
from hub import discovery, settings
from hub.bootstrap import assemble
from hub.doctor import wiring
from hub.errors import Misconfigured
from hub.system import SystemClock, SystemRandomness

NUMBER = "223450000000002"
ENVIRON = {
    "HUB_WHATSAPP__MAIN__APP_SECRET": "a-secret",
    "HUB_WHATSAPP__MAIN__ACCESS_TOKEN": "a-token",
    "HUB_WHATSAPP__MAIN__VERIFY_TOKEN": "a-word",
    "HUB_WHATSAPP__MAIN__NUMBERS__SOPORTE": NUMBER,
}


def test_two_routes_for_one_number_refuse_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both = {"whatsapp": CONNECTOR, "hibot": replace(CONNECTOR, name="hibot")}
    wired = settings.load({}, data=tmp_path / "data")
    assert assemble(wired, ENVIRON, SystemClock(), SystemRandomness()).connections

    monkeypatch.setattr(discovery, "connectors", lambda: both)
    with pytest.raises(Misconfigured) as refused:
        assemble(wired, ENVIRON, SystemClock(), SystemRandomness())
    _, findings = wiring.connectors(ENVIRON, wired)

    (problem,) = refused.value.problems
    assert all(word in problem for word in (f"whatsapp:{NUMBER}", "whatsapp (soporte)", "hibot (soporte)"))
    assert [(one.check, one.level) for one in findings if one.level != "ok"] == [("speaking", "misconfigured")]
