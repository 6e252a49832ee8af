"""Subscribers that lost events are sent them again, when somebody says so."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Run
from tests.cli.test_deciding import audit, query


def _published(data: Path) -> int:
    return int(query(data, "SELECT count(*) FROM events WHERE published_at IS NOT NULL")[0][0])


def _send_all(data: Path) -> int:
    query(data, "UPDATE events SET published_at = receivedat")
    return _published(data)


def test_without_yes_it_only_says_how_many(hub: Run, with_a_ticket: Path) -> None:
    count = _send_all(with_a_ticket)

    assert hub("topics", "republish", "--newer-than", "1d").out == (
        f"{count} events would be sent again; add --yes to do it.\n"
    )
    assert _published(with_a_ticket) == count


def test_with_yes_they_wait_for_the_relay_again_in_the_audit_too(hub: Run, with_a_ticket: Path) -> None:
    count = _send_all(with_a_ticket)

    ran = hub("topics", "republish", "--newer-than", "1d", "--yes", "--json")

    assert ran.json == {"events": count, "done": True}
    assert _published(with_a_ticket) == 0
    ((action, about, detail),) = audit(with_a_ticket)
    assert (action, about, detail["newer_than"]) == ("republish", "events", "1d")


def test_what_is_older_is_left_alone(hub: Run, with_a_ticket: Path) -> None:
    count = _send_all(with_a_ticket)
    query(with_a_ticket, "UPDATE events SET receivedat = receivedat - 172800000000")

    assert hub("topics", "republish", "--newer-than", "1d", "--yes", "--json").json["events"] == 0
    assert _published(with_a_ticket) == count


def test_what_is_no_age_is_refused(hub: Run, with_a_ticket: Path) -> None:
    ran = hub("topics", "republish", "--newer-than", "3w")

    assert ran.code == 2
    assert "is not an age" in ran.err
