"""Commands about files of customers: what is in quarantine is seen, let out, saved."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.test_deciding import audit, query

PROGRAM = b"MZ" + bytes(200)
NAME = "ab" + "0" * 30


@pytest.fixture
def in_quarantine(with_a_ticket: Path) -> str:
    """The id of a file that was set apart."""
    path = with_a_ticket / "media" / NAME[:2] / NAME
    path.parent.mkdir(parents=True)
    path.write_bytes(PROGRAM)
    ((message, conversation),) = query(
        with_a_ticket, "SELECT id, conversation_id FROM messages WHERE direction = 'in' LIMIT 1"
    )
    query(
        with_a_ticket,
        "INSERT INTO attachments (id, message_id, conversation_id, connector, asset, kind, source, filename, sha256,"
        " state, reason, wanted_at, useful_until, attempts, stored_as, stored_bytes, stored_sha256, stored_type,"
        " version)"
        " VALUES ('at_1', ?, ?, 'whatsapp', '223450000000002', 'document', '{}', 'parche.exe', NULL, 'quarantined',"
        " 'es un programa', 1, 1, 1, ?, ?, ?, 'application/x-dosexec', 2)",
        message,
        conversation,
        NAME,
        len(PROGRAM),
        hashlib.sha256(PROGRAM).hexdigest(),
    )
    return "at_1"


@pytest.mark.usefixtures("with_a_ticket")
def test_what_is_set_apart_is_listed_with_the_reason(hub: Run, in_quarantine: str) -> None:
    (found,) = hub("files", "list", "--json").json

    assert (found["id"], found["state"], found["reason"]) == (in_quarantine, "quarantined", "es un programa")
    assert "parche.exe" in hub("files", "list").out
    assert hub("files", "list", "--state", "lost", "--json").json == []
    assert hub("files", "list", "--state", "eaten").code == 2


def test_it_is_saved_only_once_a_person_released_it(
    hub: Run, with_a_ticket: Path, in_quarantine: str, tmp_path: Path
) -> None:
    copy = tmp_path / "parche.exe"

    early = hub("files", "save", in_quarantine, "--to", copy)
    assert (early.code, early.err) == (1, "at_1 is quarantined, not stored\n")
    assert hub("files", "release", in_quarantine, "--json").json == {"file": in_quarantine, "released": True}
    assert hub("files", "save", in_quarantine, "--to", copy, "--json").json["bytes"] == len(PROGRAM)

    assert copy.read_bytes() == PROGRAM
    ((kept,),) = query(with_a_ticket, "SELECT count(*) FROM events WHERE type = 'hub.attachment.stored.v1'")
    assert kept == 1
    assert audit(with_a_ticket)[-1][:2] == ("release_file", in_quarantine)


def test_nothing_is_released_twice_nor_written_over(
    hub: Run, with_a_ticket: Path, in_quarantine: str, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    there.write_bytes(b"mine")
    hub("files", "release", in_quarantine)

    assert hub("files", "release", in_quarantine).code == 1
    assert hub("files", "release", "at_none").err == "there is no file at_none\n"
    refused = hub("files", "save", in_quarantine, "--to", there)
    assert (refused.code, there.read_bytes()) == (1, b"mine")
    (with_a_ticket / "media" / NAME[:2] / NAME).unlink()
    assert "was not saved" in hub("files", "save", in_quarantine, "--to", tmp_path / "x").err
