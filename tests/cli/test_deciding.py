"""Commands by which a person decides: dead letters, groups, effects; each leaves its trace."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run


def query(data: Path, sql: str, *params: object) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(data / "hub.db", isolation_level=None)) as connection:
        return connection.execute(sql, params).fetchall()


def audit(data: Path) -> list[tuple[str, str, dict[str, Any]]]:
    rows = query(data, "SELECT action, object, detail, actor FROM audit ORDER BY position")
    assert all(actor.startswith("cli:") for *_, actor in rows)
    return [(action, object_, json.loads(detail)) for action, object_, detail, _ in rows]


def letters(hub: Run, state: str = "open") -> dict[str, dict[str, Any]]:
    """Return the dead letters of a state by scope."""
    return {one["scope"]: one for one in hub("dead-letters", "list", "--state", state, "--json").json}


def test_dead_letters_say_why_with_the_next_step(hub: Run, with_dead_letters: Path) -> None:
    found = letters(hub)

    assert set(found) == {"event", "delivery"}
    assert (found["event"]["group"], found["event"]["reason_class"]) == ("open-tickets", "permanent")
    assert found["event"]["reason"] == "Permanent: no folio is left"
    assert found["delivery"]["reason_class"] == "unreadable"
    assert all(one["next_step_es"] and one["owner"] for one in found.values())
    assert hub("dead-letters", "show", found["event"]["id"], "--json").json == found["event"]
    assert "no folio is left" in hub("dead-letters", "show", found["event"]["id"]).out


def test_redrive_without_yes_only_says_what_it_would_do(hub: Run, with_dead_letters: Path) -> None:
    ran = hub("dead-letters", "redrive", "--all", "--group", "open-tickets")

    assert ran.code == 0
    assert "would be redriven; add --yes" in ran.out
    assert set(letters(hub)) == {"event", "delivery"}


def test_redrive_gives_it_back_once(hub: Run, with_dead_letters: Path) -> None:
    letter = letters(hub)["event"]["id"]

    first = hub("dead-letters", "redrive", letter, "--yes", "--json")
    second = hub("dead-letters", "redrive", letter, "--yes", "--json")

    assert (first.code, [one["outcome"] for one in first.json]) == (0, ["redriven"])
    assert (second.code, [one["outcome"] for one in second.json]) == (0, ["already settled"])
    assert [one["folio"] for one in hub("tickets", "list", "--json").json] == ["T-1001"]
    assert hub("balance").code == 0


def test_what_is_refused_again_ends_with_one(hub: Run, with_dead_letters: Path) -> None:
    ran = hub("dead-letters", "redrive", "--all", "--yes", "--json")

    assert ran.code == 1
    assert sorted(one["outcome"] for one in ran.json) == ["redriven", "refused again"]
    assert set(letters(hub)) == {"delivery"}
    assert len(letters(hub)["delivery"]["attempts"]) >= 1


def test_filters_choose_letters(hub: Run, with_dead_letters: Path) -> None:
    def chosen(*options: str) -> int:
        return len(hub("dead-letters", "redrive", "--all", *options, "--json").json)

    assert chosen() == 2
    assert chosen("--group", "ingest") == 1
    assert chosen("--reason-class", "poison") == 0
    assert chosen("--newer-than", "90m") == 2
    assert chosen("--newer-than", "0m") == 0


def test_wrong_usage_of_redrive_says_what_to_write(hub: Run, with_dead_letters: Path) -> None:
    ran = hub("dead-letters", "redrive", "--all", "--newer-than", "3w")

    assert ran.code == 2
    assert "'3w' is not an age; write a whole number and m, h or d, such as 36h" in " ".join(ran.err.split())
    assert hub("dead-letters", "redrive").code == 2
    assert hub("dead-letters", "redrive", "dd_x", "--all").code == 2
    assert hub("dead-letters", "redrive", "dd_x").err == "there is no dead letter dd_x\n"


def test_discarding_needs_a_reason_that_stands_in_the_audit(hub: Run, with_dead_letters: Path) -> None:
    letter = letters(hub)["delivery"]["id"]

    assert hub("dead-letters", "discard", letter).code == 2
    assert hub("dead-letters", "discard", letter, "--reason", " ").code == 2
    ran = hub("dead-letters", "discard", letter, "--reason", "prueba de Meta", "--json")

    assert ran.json == [{"id": letter, "outcome": "discarded"}]
    assert [(a, o, d["reason"]) for a, o, d in audit(with_dead_letters)] == [
        ("discard_dead_letter", letter, "prueba de Meta")
    ]
    assert letters(hub, "discarded")["delivery"]["settled_by"].startswith("cli:")
    assert (
        hub("dead-letters", "discard", letter, "--reason", "otra vez", "--json").json[0]["outcome"] == "already settled"
    )
    assert hub("balance").code == 0


def test_a_paused_group_goes_on_when_told(hub: Run, with_a_ticket: Path) -> None:
    query(with_a_ticket, "UPDATE groups SET state = 'paused', reason = 'x' WHERE name = 'open-tickets'")

    assert hub("groups", "resume", "open-tickets", "--json").json == {"group": "open-tickets", "resumed": True}
    assert hub("groups", "resume", "open-tickets", "--json").json == {"group": "open-tickets", "resumed": False}
    assert query(with_a_ticket, "SELECT state, reason FROM groups WHERE name = 'open-tickets'") == [("active", None)]
    assert hub("groups", "resume", "nobody").code == 1
    assert audit(with_a_ticket)[0][:2] == ("resume_group", "open-tickets")


def test_held_keys_are_released(hub: Run, with_a_ticket: Path) -> None:
    query(with_a_ticket, "UPDATE group_keys SET held_until = 9e15, attempts = 3 WHERE \"group\" = 'open-tickets'")

    assert {one["group"]: one["held_keys"] for one in hub("groups", "list", "--json").json}["open-tickets"] == 1
    assert hub("groups", "release", "open-tickets", "--json").json["released"] == 1
    ((held_until,),) = query(with_a_ticket, "SELECT held_until FROM group_keys WHERE \"group\" = 'open-tickets'")
    assert held_until < 9e15


def test_a_renamed_group_goes_on_where_it_was(hub: Run, with_a_ticket: Path) -> None:
    query(with_a_ticket, "UPDATE groups SET name = 'old-name' WHERE name = 'open-tickets'")
    query(with_a_ticket, "UPDATE group_keys SET \"group\" = 'old-name' WHERE \"group\" = 'open-tickets'")

    assert "add --yes" in hub("groups", "adopt", "old-name", "open-tickets").out
    names = {one["group"] for one in hub("groups", "list", "--json").json}
    assert ("old-name" in names, "open-tickets" in names) == (True, False)
    assert hub("groups", "adopt", "old-name", "open-tickets", "--yes").code == 0
    assert {one["group"]: one["waiting"] for one in hub("groups", "list", "--json").json}["open-tickets"] == 0
    assert hub("groups", "adopt", "old-name", "open-tickets", "--yes").code == 1
    assert audit(with_a_ticket)[0][2]["was"] == "old-name"


def test_only_a_group_without_a_handler_can_be_dropped(hub: Run, with_a_ticket: Path) -> None:
    query(with_a_ticket, "UPDATE groups SET name = 'gone' WHERE name = 'open-tickets'")

    assert hub("groups", "drop", "gone").code == 0
    assert hub("groups", "drop", "gone", "--yes").code == 0
    assert hub("groups", "drop", "attend-conversation", "--yes").code == 1
    names = {one["group"] for one in hub("groups", "list", "--json").json}
    assert names & {"attend-conversation", "run-service-levels", "gone", "open-tickets"} == {
        "attend-conversation",
        "run-service-levels",
    }


@pytest.fixture
def doubtful(with_a_ticket: Path) -> str:
    """The id of an effect of which nobody knows whether it arrived."""
    ((effect,),) = query(with_a_ticket, "SELECT id FROM effects")
    query(with_a_ticket, "UPDATE effects SET state = 'unknown', code = 'doubtful', settled_at = NULL")
    query(with_a_ticket, "UPDATE messages SET state = 'doubtful' WHERE id = ?", effect)
    query(with_a_ticket, "DELETE FROM events WHERE subject = ? AND type != 'hub.reply.requested.v1'", effect)
    return str(effect)


@pytest.mark.parametrize(("verdict", "type_", "state"), [("sent", "sent", "confirmed"), ("failed", "failed", "failed")])
def test_a_person_settles_a_doubtful_effect(
    hub: Run, with_a_ticket: Path, doubtful: str, verdict: str, type_: str, state: str
) -> None:
    assert [one["id"] for one in hub("effects", "list", "--state", "doubtful", "--json").json] == [doubtful]

    assert hub("effects", "settle", doubtful, "--as", verdict, "--json").json["changed"] is True
    assert hub("effects", "settle", doubtful, "--as", verdict, "--json").json["changed"] is False

    assert query(with_a_ticket, "SELECT state FROM effects") == [(state,)]
    assert query(with_a_ticket, "SELECT count(*) FROM events WHERE type = ?", f"hub.reply.{type_}.v1") == [(1,)]
    assert query(with_a_ticket, "SELECT state FROM messages WHERE id = ?", doubtful) == [(type_,)]
    assert audit(with_a_ticket)[0][:2] == ("settle_effect", doubtful)


def test_a_person_sends_a_doubtful_effect_again(hub: Run, with_a_ticket: Path, doubtful: str) -> None:
    assert hub("effects", "resend", doubtful).code == 0

    assert query(with_a_ticket, "SELECT state, code FROM effects") == [("intent", None)]
    ran = hub("effects", "resend", doubtful)
    assert (ran.code, ran.err) == (
        1,
        f"{doubtful} is intent, not doubtful; only what is doubtful waits for a person's decision\n",
    )


def test_an_effect_past_its_use_is_not_sent_again(hub: Run, with_a_ticket: Path, doubtful: str) -> None:
    query(with_a_ticket, "UPDATE effects SET useful_until = 1")

    ran = hub("effects", "resend", doubtful)

    assert ran.code == 1
    assert "settle it with --as failed" in ran.err
    assert hub("effects", "settle", "ef_none", "--as", "sent").err == "there is no effect ef_none\n"
