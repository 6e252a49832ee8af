"""A wrong configuration refuses to start: every wrong knob named with its cure, at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hub.configuration import configure
from hub.errors import Misconfigured

_WRONG = {
    "HUB_WEBHOOK_PORT": "70000",
    "HUB_PRIVATE_HOST": "0.0.0.0",  # noqa: S104 - refused is what it must be
    "HUB_DATABASE_URL": "postgresql+psycopg://x",
    "HUB_WAITS__DOUBT_SECONDS": "-1",
    "HUB_WEBHOK_HOST": "127.0.0.1",
    "HUB_WHATSAPP__EXSIM__APP_SECRET": "",
    "HUB_WHATSAPP__EXSIM__ACCESS_TOKEN": "*****",
    "HUB_WHATSAPP__EXSIM__COLOUR": "blue-value",
}


@pytest.mark.feature("DX-06")
def test_every_wrong_knob_is_named_at_once_never_its_value(tmp_path: Path) -> None:
    environment = {**os.environ, **_WRONG}

    ended = subprocess.run(
        [sys.executable, "-m", "hub", "run", "--data", str(tmp_path / "data")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert ended.returncode == 2
    for name in (
        "HUB_WEBHOOK_PORT",
        "HUB_PRIVATE_HOST must be a loopback address",
        "HUB_DATABASE_URL",
        "HUB_WAITS__DOUBT_SECONDS",
        "HUB_WEBHOK_HOST: there is no such setting; did you mean HUB_WEBHOOK_HOST?",
        "HUB_WHATSAPP__EXSIM__APP_SECRET",
        "HUB_WHATSAPP__EXSIM__ACCESS_TOKEN",
        "HUB_WHATSAPP__EXSIM__VERIFY_TOKEN",
        "HUB_WHATSAPP__EXSIM__COLOUR",
        "HUB_WHATSAPP__EXSIM__NUMBERS",
    ):
        assert name in ended.stderr, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "70000" not in ended.stderr
    assert "blue-value" not in ended.stderr
    assert not (tmp_path / "data").exists()


def test_the_private_listener_refuses_any_address_but_loopback() -> None:
    with pytest.raises(Misconfigured, match="HUB_PRIVATE_HOST must be a loopback address"):
        configure({"HUB_PRIVATE_HOST": "10.1.2.3"})


def test_what_a_simulated_connector_has_set_does_not_matter() -> None:
    wrong = {"HUB_WHATSAPP__EXSIM__APP_SECRET": ""}

    with pytest.raises(Misconfigured):
        configure(wrong)

    assert configure(wrong, played=frozenset()).webhook_port == 8320
