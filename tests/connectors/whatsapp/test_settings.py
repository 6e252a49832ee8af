"""Wrong credentials stop the hub at start, each named with its cure."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from connectors.whatsapp.settings import connect
from hub.errors import Misconfigured

GOOD = {
    "HUB_WHATSAPP__MAIN__APP_SECRET": "app-secret",
    "HUB_WHATSAPP__MAIN__ACCESS_TOKEN": "EAAG",
    "HUB_WHATSAPP__MAIN__VERIFY_TOKEN": "word",
    "HUB_WHATSAPP__MAIN__NUMBERS__SUPPORT": "223450000000002",
}


def problems(environ: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(Misconfigured) as caught:
        connect(environ)
    return caught.value.problems


def test_no_variable_means_the_channel_is_off() -> None:
    assert connect({"PATH": "/bin", "HUB_DATA": "x"}) is None


def test_a_complete_set_connects() -> None:
    connection = connect(GOOD)

    assert connection is not None
    assert connection.assets["223450000000002"].slug == "support"
    assert connection.assets["223450000000002"].breaker == "graph.facebook.com|whatsapp:main"
    secrets = connection.secrets["main"]()
    assert (secrets.signing, secrets.verify_token) == ((b"app-secret",), b"word")
    assert "app-secret" not in repr(connection)


def test_secrets_in_files_are_read_again_when_they_change(tmp_path: Path) -> None:
    file = tmp_path / "app_secret"
    file.touch(mode=0o600)
    file.write_text("old\n")
    given = {name: value for name, value in GOOD.items() if not name.endswith("APP_SECRET")}
    connection = connect(given | {"HUB_WHATSAPP__MAIN__APP_SECRET_FILE": str(file)})
    assert connection is not None
    assert connection.secrets["main"]().signing == (b"old",)

    fresh = tmp_path / "fresh"
    fresh.touch(mode=0o600)
    fresh.write_text("new\nold\n")
    fresh.replace(file)

    assert connection.secrets["main"]().signing == (b"new", b"old")


def test_everything_missing_is_named_at_once() -> None:
    found = problems({"HUB_WHATSAPP__MAIN__API_VERSION": "26"})

    assert [line.split(":")[0] for line in found] == [
        "HUB_WHATSAPP__MAIN__APP_SECRET_FILE",
        "HUB_WHATSAPP__MAIN__ACCESS_TOKEN_FILE",
        "HUB_WHATSAPP__MAIN__VERIFY_TOKEN_FILE",
        "HUB_WHATSAPP__MAIN__API_VERSION",
        "HUB_WHATSAPP__MAIN__NUMBERS__<SLUG>",
    ]


@pytest.mark.parametrize(
    ("knob", "value"),
    [
        ("APP_SECRET", ""),
        ("APP_SECRET", "********"),
        ("ACCESS_TOKEN", "   "),
        ("NUMBERS__SUPPORT", "+52 55 4123 4567"),
        ("NUMBERS__SALES", "223450000000002"),
        ("GRAPH_URL", "http://graph.example.com"),
        ("GRAPH_URL", "https://user:pass@graph.facebook.com"),
        ("GRAPH_URL", "https://[bad"),
        ("GRAPH_URL", "graph.facebook.com"),
        ("API_VERSION", "latest"),
        ("TIMEOUT_SECONDS", "0"),
        ("TIMEOUT_SECONDS", "nan"),
        ("TIMEOUT_SECONDS", "soon"),
        ("APP_SECRET_FILE", "/nowhere/app_secret_here"),
        ("COLOUR", "blue"),
        ("NUMBERS", "223450000000002"),
    ],
)
def test_each_wrong_knob_is_named_without_its_value(knob: str, value: str) -> None:
    found = problems(GOOD | {f"HUB_WHATSAPP__MAIN__{knob}": value})

    assert len(found) == 1
    assert knob.removesuffix("_FILE") in found[0]
    if len(value.strip()) > 1:
        assert value not in found[0]


@pytest.mark.parametrize("name", ["HUB_WHATSAPP__APP_SECRET", "HUB_WHATSAPP__", "HUB_WHATSAPP____APP_SECRET"])
def test_a_variable_without_app_is_named(name: str) -> None:
    assert any(line.startswith(f"{name}:") for line in problems(GOOD | {name: "x"}))


@pytest.mark.parametrize("path", ["", "/nowhere/token", "/"])
def test_a_file_that_cannot_be_read_is_named(path: str) -> None:
    given = {name: value for name, value in GOOD.items() if not name.endswith("ACCESS_TOKEN")}

    (found,) = problems(given | {"HUB_WHATSAPP__MAIN__ACCESS_TOKEN_FILE": path})

    assert found.startswith("HUB_WHATSAPP__MAIN__ACCESS_TOKEN_FILE: ")


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("EAAG-very-secret")
    file.chmod(stat.S_IRUSR | stat.S_IRGRP)
    given = {name: value for name, value in GOOD.items() if not name.endswith("ACCESS_TOKEN")}

    found = problems(given | {"HUB_WHATSAPP__MAIN__ACCESS_TOKEN_FILE": str(file)})

    assert "0600" in found[0]
    assert "EAAG" not in "".join(found)


def test_two_apps_may_not_speak_through_one_number() -> None:
    other = {name.replace("MAIN", "OTHER"): value for name, value in GOOD.items()}

    assert "one number has one name" in problems(GOOD | other)[0]
