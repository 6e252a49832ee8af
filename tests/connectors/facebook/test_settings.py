"""Wrong credentials of a page stop the hub at start, each named with its cure."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from connectors.facebook.settings import connect
from hub import settings
from hub.errors import Misconfigured

GOOD = {
    "HUB_FACEBOOK__MAIN__APP_SECRET": "app-secret",
    "HUB_FACEBOOK__MAIN__VERIFY_TOKEN": "word",
    "HUB_FACEBOOK__MAIN__PAGES__SUPPORT__ID": "345670000000003",
    "HUB_FACEBOOK__MAIN__PAGES__SUPPORT__ACCESS_TOKEN": "EAAG",
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
    route = connection.assets["345670000000003"]
    assert (route.slug, route.breaker) == ("support", "graph.facebook.com|facebook:main:support")
    secrets = connection.secrets["main"]()
    assert (secrets.signing, secrets.verify_token) == ((b"app-secret",), b"word")
    assert "app-secret" not in repr(connection)
    assert "EAAG" not in repr(connection)


def test_the_hubs_own_settings_live_beside_them() -> None:
    settings.load(GOOD)


def test_two_pages_of_one_app_have_tokens_of_their_own() -> None:
    other = {
        "HUB_FACEBOOK__MAIN__PAGES__SALES__ID": "345670000000009",
        "HUB_FACEBOOK__MAIN__PAGES__SALES__ACCESS_TOKEN": "EAAH",
    }

    connection = connect(GOOD | other)

    assert connection is not None
    assert len({route.breaker for route in connection.assets.values()}) == 2


def test_secrets_in_files_are_read_again_when_they_change(tmp_path: Path) -> None:
    file = tmp_path / "app_secret"
    file.touch(mode=0o600)
    file.write_text("old\n")
    given = {name: value for name, value in GOOD.items() if not name.endswith("APP_SECRET")}
    connection = connect(given | {"HUB_FACEBOOK__MAIN__APP_SECRET_FILE": str(file)})
    assert connection is not None
    assert connection.secrets["main"]().signing == (b"old",)

    fresh = tmp_path / "fresh"
    fresh.touch(mode=0o600)
    fresh.write_text("new\nold\n")
    fresh.replace(file)

    assert connection.secrets["main"]().signing == (b"new", b"old")


def test_everything_missing_is_named_at_once() -> None:
    found = problems({"HUB_FACEBOOK__MAIN__API_VERSION": "26", "HUB_FACEBOOK__OTHER__PAGES__A__ID": "345670000000003"})

    assert [line.split(":")[0] for line in found] == [
        "HUB_FACEBOOK__MAIN__APP_SECRET_FILE",
        "HUB_FACEBOOK__MAIN__VERIFY_TOKEN_FILE",
        "HUB_FACEBOOK__MAIN__API_VERSION",
        "HUB_FACEBOOK__MAIN__PAGES__<SLUG>__ID",
        "HUB_FACEBOOK__OTHER__APP_SECRET_FILE",
        "HUB_FACEBOOK__OTHER__VERIFY_TOKEN_FILE",
        "HUB_FACEBOOK__OTHER__PAGES__A__ACCESS_TOKEN_FILE",
    ]


@pytest.mark.parametrize(
    ("knob", "value"),
    [
        ("APP_SECRET", ""),
        ("APP_SECRET", "********"),
        ("PAGES__SUPPORT__ACCESS_TOKEN", "   "),
        ("PAGES__SUPPORT__ID", "Soporte Exsim"),
        ("GRAPH_URL", "http://graph.example.com"),
        ("GRAPH_URL", "https://user:pass@graph.facebook.com"),
        ("GRAPH_URL", "https://[bad"),
        ("GRAPH_URL", "graph.facebook.com"),
        ("API_VERSION", "latest"),
        ("TIMEOUT_SECONDS", "0"),
        ("TIMEOUT_SECONDS", "nan"),
        ("APP_SECRET_FILE", "/nowhere/app_secret_here"),
        ("PAGES__SUPPORT__COLOUR", "blue"),
        ("PAGES__SUPPORT", "345670000000003"),
        ("ACCESS_TOKEN", "EAAG-of-nobody"),
    ],
)
def test_each_wrong_knob_is_named_without_its_value(knob: str, value: str) -> None:
    found = problems(GOOD | {f"HUB_FACEBOOK__MAIN__{knob}": value})

    assert len(found) == 1
    assert knob.removesuffix("_FILE") in found[0]
    if len(value.strip()) > 1:
        assert value not in found[0]


@pytest.mark.parametrize("name", ["HUB_FACEBOOK__APP_SECRET", "HUB_FACEBOOK__", "HUB_FACEBOOK____APP_SECRET"])
def test_a_variable_without_app_is_named(name: str) -> None:
    assert any(line.startswith(f"{name}:") for line in problems(GOOD | {name: "x"}))


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("EAAG-very-secret")
    file.chmod(stat.S_IRUSR | stat.S_IRGRP)
    given = {name: value for name, value in GOOD.items() if not name.endswith("ACCESS_TOKEN")}

    found = problems(given | {"HUB_FACEBOOK__MAIN__PAGES__SUPPORT__ACCESS_TOKEN_FILE": str(file)})

    assert "0600" in found[0]
    assert "EAAG" not in "".join(found)


def test_two_names_may_not_speak_through_one_page() -> None:
    other = {name.replace("MAIN", "OTHER"): value for name, value in GOOD.items()}

    assert "one page has one name" in problems(GOOD | other)[0]
