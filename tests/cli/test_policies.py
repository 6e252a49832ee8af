"""Commands ``hub policies …``: the company's rules out, checked, back in; ``hub migrate`` beside them."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from hub.store.policies import SHIPPED
from tests.cli.conftest import Run
from tests.cli.test_deciding import audit, query


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    return tmp_path / "rules.toml"


def test_what_is_exported_can_be_imported(hub: Run, with_a_ticket: Path, rules: Path) -> None:
    text = hub("policies", "export").out
    rules.write_text(text, encoding="utf-8")

    assert set(tomllib.loads(text)) == set(tomllib.loads(SHIPPED.read_text(encoding="utf-8")))
    assert hub("policies", "check", rules).code == 0
    assert hub("policies", "import", rules, "--yes", "--json").json == {"changed": {}, "done": True}


def test_only_what_changed_gets_a_version(hub: Run, with_a_ticket: Path, rules: Path) -> None:
    text = hub("policies", "export").out
    rules.write_text(text.replace("first_response_attendance_minutes = 60", "first_response_attendance_minutes = 30"))

    would = hub("policies", "import", rules, "--json")
    assert would.json == {"changed": {"service_levels": 2}, "done": False}
    assert hub("policies", "export").out == text

    assert hub("policies", "import", rules, "--yes", "--json").json == {"changed": {"service_levels": 2}, "done": True}

    assert "first_response_attendance_minutes = 30" in hub("policies", "export").out
    assert hub("policies", "export", "--json").json["service_levels"]["first_response_attendance_minutes"] == 30
    (event,) = hub("events", "tail", "--json", "--type", "hub.policy.").lines
    assert (event["data"]["kind"], event["data"]["version"]) == ("service_levels", 2)
    assert [(action, object_) for action, object_, _ in audit(with_a_ticket)] == [("import_policies", "policies")]


def test_every_mistake_of_a_file_is_named_at_once(hub: Run, with_a_ticket: Path, rules: Path) -> None:
    rules.write_text('[attendance]\nzone = "Marte/Olimpo"\nweek = {}\n[folios]\nprefix = "T-"\nfirst = -1\n[horas]\n')

    checked = hub("policies", "check", rules, "--json")
    imported = hub("policies", "import", rules, "--yes")

    assert checked.code == imported.code == 1
    problems = checked.json["problems"]
    assert [problem.partition(":")[0] for problem in problems][-2:] == ["[folios] first", "[horas]"]
    assert any(problem.startswith("[attendance] zone") for problem in problems)
    assert imported.err.splitlines() == problems
    assert query(with_a_ticket, "SELECT max(version) FROM policies") == [(1,)]


def test_what_is_no_toml_is_named(hub: Run, rules: Path) -> None:
    rules.write_text("=")

    assert "is no TOML" in hub("policies", "check", rules).out
    assert hub("policies", "check", rules.with_name("nothing")).code == 2


def test_migrate_makes_a_database_then_leaves_it_alone(hub: Run, data: Path) -> None:
    first = hub("migrate", "--json")
    body = (data / "hub.db").read_bytes()

    assert first.code == 0
    assert hub("migrate", "--json").json == first.json
    assert (data / "hub.db").read_bytes() == body
    assert hub("tickets", "list").out == "There are no tickets yet.\n"
    assert data.stat().st_mode & 0o077 == 0


def test_a_database_of_an_older_release_is_not_touched(hub: Run, with_a_ticket: Path) -> None:
    query(with_a_ticket, "UPDATE schema SET version = '0000'")

    ran = hub("tickets", "list")

    assert ran.code == 2
    assert "run hub migrate" in ran.err
