"""What every command owes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
from typer.main import get_command

from hub.cli import main
from hub.settings import Role
from tests.cli.conftest import Run

HEAVY = (
    "aiokafka",
    "alembic",
    "faststream",
    "httpx",
    "hub.bootstrap",
    "jinja2",
    "pydantic",
    "rich",
    "sqlalchemy",
    "starlette",
    "structlog",
)
WITHOUT_DATA = {
    "connectors check",
    "connectors subscribe",
    "normalize",
    "policies check",
    "topics apply",
    "topics asyncapi",
}


def commands(node: Any, path: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return every command by its words."""
    if not getattr(node, "commands", None):
        return {" ".join(path): node}
    return {words: one for name, each in node.commands.items() for words, one in commands(each, (*path, name)).items()}


ONLY_JSON = {"topics asyncapi"}
ALL = commands(get_command(main.app))


def test_help_needs_none_of_the_heavy_libraries() -> None:
    look = f"import sys, hub.cli.main; print([name for name in {HEAVY!r} if name in sys.modules])"

    found = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("words", ALL)
def test_it_says_what_it_does_with_its_exit_codes(words: str) -> None:
    help_ = ALL[words].help

    assert "Exit codes:" in help_
    assert "0 " in help_


@pytest.mark.parametrize(
    "words", [words for words in ALL if words not in {"run", "normalize", "sandbox serve", *ONLY_JSON}]
)
def test_it_speaks_json(words: str) -> None:
    assert "--json" in {name for option in ALL[words].params for name in option.opts}


@pytest.mark.parametrize("words", [words for words in ALL if words not in WITHOUT_DATA])
def test_it_can_be_pointed_at_a_data_directory(words: str) -> None:
    assert "--data" in {name for option in ALL[words].params for name in option.opts}


def test_the_roles_are_those_of_the_settings() -> None:
    assert get_args(main.Role) == get_args(Role)


@pytest.mark.parametrize(
    "words", [("tickets", "list"), ("events", "tail"), ("dead-letters", "list"), ("groups", "list"), ("balance",)]
)
def test_where_there_is_no_hub_a_sentence_says_so(hub: Run, data: Path, words: tuple[str, ...]) -> None:
    ran = hub(*words)

    assert ran.code == 1
    assert ran.out == ""
    assert ran.err == f"{data} holds no hub; name its data directory with --data, or start one there with hub run\n"
    assert not data.exists()


@pytest.mark.feature("DX-06")
def test_a_wrong_configuration_names_every_knob_at_once(hub: Run, monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    monkeypatch.setenv("HUB_WEBHOOK_PORT", "a lot")
    monkeypatch.setenv("HUB_PRIVATE_HOST", "0.0.0.0")  # noqa: S104 - the point of the test
    monkeypatch.setenv("HUB_LIMITS__BODY_BYTES", "-1")
    monkeypatch.setenv("HUB_WHATSAPP__SOPORTE__APP_SECRET", "")

    ran = hub("run")

    assert ran.code == 2
    problems = [line for line in ran.err.splitlines() if line.startswith("  - ")]
    knobs = {re.split(r"[: ]", problem.removeprefix("  - "))[0] for problem in problems}
    assert knobs == {
        "HUB_WEBHOOK_PORT",
        "HUB_PRIVATE_HOST",
        "HUB_LIMITS__BODY_BYTES",
        "HUB_WHATSAPP__SOPORTE__APP_SECRET",
    } | {knob for knob in knobs if knob.startswith("HUB_WHATSAPP__")}
    assert "a lot" not in ran.err
    assert "Traceback" not in ran.err
    assert not data.exists()


def test_the_connectors_name_theirs_all_at_once(hub: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_WHATSAPP__SOPORTE__APP_SECRET", "")
    monkeypatch.setenv("HUB_WHATSAPP__SOPORTE__GRAPH_URL", "http://example.com")

    ran = hub("run")

    assert ran.code == 2
    for knob in ("APP_SECRET", "GRAPH_URL", "ACCESS_TOKEN"):
        assert f"HUB_WHATSAPP__SOPORTE__{knob}" in ran.err
    assert "example.com" not in ran.err


def test_simulators_elsewhere_need_a_sandbox(hub: Run) -> None:
    assert hub("run", "--simulators-elsewhere").code == 2


def test_wrong_usage_ends_with_two(hub: Run) -> None:
    assert hub("tickets", "dance").code == 2
    assert hub("normalize", "fax", "-").code == 2
    assert isinstance(main.app, typer.Typer)
