"""Commands that look: tickets, events, groups, the account."""

from __future__ import annotations

from pathlib import Path

import connectors.whatsapp
from tests.cli.conftest import TEXT, Run, leave

SAMPLES = Path(connectors.whatsapp.__file__).parent / "samples"

TYPES = [
    "hub.contact.identified.v1",
    "hub.conversation.opened.v1",
    "hub.message.received.v1",
    "hub.case.opened.v1",
    "hub.reply.requested.v1",
    "hub.case.diagnosed.v1",
    "hub.ticket.opened.v1",
]


def test_tickets_are_listed_newest_first(hub: Run, data: Path) -> None:
    leave(data, texts=(("5212221234567", "Primero"), ("5212227654321", "Segundo")))

    ran = hub("tickets", "list", "--json")

    assert ran.code == 0
    assert [(one["folio"], one["title"]) for one in ran.json] == [("T-1002", "Segundo"), ("T-1001", "Primero")]
    assert [clock["name"] for clock in ran.json[0]["clocks"]] == ["first_response", "resolution"]
    assert hub("tickets", "list", "--json", "--limit", 1).json == ran.json[:1]


def test_a_ticket_is_shown_by_folio_or_id(hub: Run, with_a_ticket: Path) -> None:
    ran = hub("tickets", "show", "T-1001", "--json")

    ticket = ran.json
    assert ticket["title"] == TEXT
    assert [message["direction"] for message in ticket["messages"]] == ["in", "out"]
    assert {event["type"] for event in ticket["events"]} >= {"hub.ticket.opened.v1", "hub.clock.started.v1"}
    again = hub("tickets", "show", ticket["id"], "--json").json
    assert again["window"].pop("seconds_left") <= ticket["window"].pop("seconds_left")
    assert again == ticket
    assert TEXT in hub("tickets", "show", "T-1001").out


def test_a_ticket_that_is_not_there_is_a_sentence(hub: Run, with_a_ticket: Path) -> None:
    ran = hub("tickets", "show", "T-9")

    assert (ran.code, ran.out, ran.err) == (1, "", "there is no ticket T-9\n")


def test_what_customers_wrote_cannot_steer_the_terminal(hub: Run, data: Path) -> None:
    leave(data, texts=(("5212221234567", "hola \x1b[2J\x07 \x9b adiós"),))

    out = hub("tickets", "list").out

    assert "hola" in out
    assert not {"\x1b", "\x07", "\x9b"} & set(out)


def test_events_are_masked_unless_asked_for(hub: Run, with_a_ticket: Path) -> None:
    masked = hub("events", "tail", "--json", "--limit", 100)
    shown = hub("events", "tail", "--json", "--limit", 100, "--show-content")

    assert [event["type"] for event in masked.lines][:7] == TYPES
    assert TEXT not in masked.out
    assert "Ana Torres" not in masked.out
    assert TEXT in shown.out
    assert TEXT not in hub("events", "tail").out


def test_events_are_chosen_by_type_key_position(hub: Run, with_a_ticket: Path) -> None:
    every = hub("events", "tail", "--json", "--limit", 100).lines

    clocks = hub("events", "tail", "--json", "--type", "hub.clock.").lines
    after = hub("events", "tail", "--json", "--after", 3, "--limit", 2).lines
    newest = hub("events", "tail", "--json", "--limit", 1).lines

    assert {event["type"] for event in clocks} == {"hub.clock.started.v1"}
    assert [event["position"] for event in after] == [4, 5]
    assert newest == every[-1:]
    assert hub("events", "tail", "--json", "--key", every[0]["partitionkey"], "--limit", 100).lines == every
    assert hub("events", "tail", "--json", "--key", "cv_nobody").lines == []


def test_groups_tell_what_they_have_left(hub: Run, with_a_ticket: Path) -> None:
    ran = hub("groups", "list", "--json")

    assert {one["group"]: one["waiting"] for one in ran.json} == {
        "answer-comments": 0,
        "attend-conversation": 0,
        "open-tickets": 0,
        "run-service-levels": 0,
        "send-scheduled": 0,
        "watch-waiting": 0,
        "watch-windows": 0,
    }
    assert all(one["handled"] and one["state"] == "active" for one in ran.json)


def test_the_account_adds_up(hub: Run, with_a_ticket: Path) -> None:
    ran = hub("balance", "--json")

    assert (ran.code, ran.json["broken"]) == (0, [])
    assert ran.json["journal"]["journaled"] == ran.json["journal"]["ingested"] == 1
    assert hub("balance").out.rstrip().endswith("Todo cuadra.")


def test_replay_says_what_it_would_state_yet_states_nothing(hub: Run, with_a_ticket: Path) -> None:
    (diagnosed,) = hub("events", "tail", "--json", "--type", "hub.case.diagnosed").lines
    before = hub("events", "tail", "--json", "--limit", 1).lines

    ran = hub("replay", "open-tickets", diagnosed["id"], "--json")

    assert [(one["event_id"], one["error"]) for one in ran.json] == [(diagnosed["id"], None)]
    assert hub("events", "tail", "--json", "--limit", 1).lines == before
    assert hub("replay", "no-such-group", diagnosed["id"]).code == 2
    assert hub("replay", "open-tickets", "ev_none").err == "the event ev_none is not kept\n"


def test_what_waits_for_its_message_is_listed(hub: Run, data: Path) -> None:
    assert hub("intake", "waiting", "--json").code == 1  # there is no hub yet
    leave(data, (SAMPLES / "edit_before_its_message.json").read_bytes().replace(b"wamid.HBgTarget", b"wamid.gone", 1))

    (one,) = hub("intake", "waiting", "--json").json

    assert (one["kind"], one["connector"], one["item"]) == ("amendment", "whatsapp", 0)
    assert "amendment" in hub("intake", "waiting").out
