"""Commands by which a person answers a customer."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.test_deciding import audit, query

PDF = b"%PDF-1.7 " + bytes(range(256))


@pytest.fixture
def conversation(with_a_ticket: Path) -> str:
    ((found,),) = query(with_a_ticket, "SELECT id FROM conversations")
    return str(found)


def files(data: Path) -> list[Path]:
    return [path for path in (data / "media").rglob("*") if path.is_file()]


def test_words_with_a_file_are_asked_for_in_order(
    hub: Run, with_a_ticket: Path, conversation: str, tmp_path: Path
) -> None:
    guide = tmp_path / "Guía.pdf"
    guide.write_bytes(PDF)

    ran = hub("conversations", "reply", conversation, " Le comparto la guía. ", "--file", guide, "--json")

    first, second = ran.json["replies"]
    assert (ran.code, {one["state"] for one in (first, second)}) == (0, {"intent"})
    asked = query(with_a_ticket, "SELECT id, text, kind, written_by, case_id FROM messages WHERE written_by = 'person'")
    ((case,),) = query(with_a_ticket, "SELECT id FROM cases")
    assert asked == [
        (first["reply"], "Le comparto la guía.", "text", "person", case),
        (second["reply"], "", "document", "person", case),
    ]
    ((name, digest, type_, message),) = query(
        with_a_ticket, "SELECT stored_as, stored_sha256, stored_type, message_id FROM attachments"
    )
    (kept,) = files(with_a_ticket)
    assert (kept.name, kept.read_bytes(), kept.stat().st_mode & 0o777) == (name, PDF, 0o600)
    assert (digest, type_, message) == (hashlib.sha256(PDF).hexdigest(), "application/pdf", second["reply"])
    # The audit knows who, what, how much: never the words.
    ((action, about, detail),) = audit(with_a_ticket)
    assert (action, about, detail["characters"], detail["bytes"]) == ("answer", conversation, 22, len(PDF))
    assert "guía" not in str(detail)
    assert hub("balance").code == 0


def test_what_cannot_be_sent_says_why(hub: Run, with_a_ticket: Path, conversation: str) -> None:
    query(with_a_ticket, "UPDATE conversations SET window_opened_at = 1")

    ran = hub("conversations", "reply", conversation, "Buenos días", "--json")

    ((reply,),) = [ran.json["replies"]]
    assert (ran.code, reply["state"]) == (1, "failed")
    assert "24 horas" in reply["reason_es"]


def test_nobody_is_answered_by_accident(hub: Run, with_a_ticket: Path, conversation: str, tmp_path: Path) -> None:
    guide = tmp_path / "guide.pdf"
    guide.write_bytes(PDF)

    unknown = hub("conversations", "reply", "cv_nobody", "Hola", "--file", guide)
    silent = hub("conversations", "reply", conversation, "  ")
    missing = hub("conversations", "reply", conversation, "--file", tmp_path / "none.pdf")

    assert (unknown.code, unknown.err) == (1, "there is no conversation cv_nobody\n")
    assert (silent.code, missing.code) == (2, 1)
    assert "name a file with --file" in silent.err
    assert "could not be kept" in missing.err
    assert files(with_a_ticket) == []
    assert query(with_a_ticket, "SELECT count(*) FROM messages WHERE written_by = 'person'") == [(0,)]


def test_a_file_beyond_the_limit_is_refused(
    hub: Run, with_a_ticket: Path, conversation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_LIMITS__FILE_BYTES", "100")
    guide = tmp_path / "guide.pdf"
    guide.write_bytes(PDF)

    ran = hub("conversations", "reply", conversation, "--file", guide)

    assert ran.code == 1
    assert "HUB_LIMITS__FILE_BYTES" in ran.err
    assert files(with_a_ticket) == []


def test_a_person_may_show_that_they_have_read(hub: Run, with_a_ticket: Path, conversation: str) -> None:
    ran = hub("conversations", "read", conversation, "--json")

    (asked,) = ran.json["effects"]
    ((kind, payload),) = query(with_a_ticket, "SELECT kind, payload FROM effects WHERE id = ?", asked)
    assert (ran.code, kind) == (0, "sign")
    assert json.loads(payload) == {"sign": "read", "message_id": "wamid.0"}
    assert hub("conversations", "read", "cv_nobody").code == 1


def test_what_never_leaves_takes_nothing_back(hub: Run, with_a_ticket: Path, conversation: str) -> None:
    query(with_a_ticket, "UPDATE conversations SET window_opened_at = 1")
    query(with_a_ticket, "UPDATE effects SET state = 'intent', settled_at = NULL")

    assert hub("conversations", "reply", conversation, "Buenos días").code == 1

    states = query(with_a_ticket, "SELECT kind, state, code FROM effects ORDER BY position")
    assert states == [("send_message", "intent", None), ("send_message", "failed", "window")]
    assert query(with_a_ticket, "SELECT left_to_people_at FROM cases") == [(None,)]
    assert hub("conversations", "list", "--json").json[0]["waits"] is True


def test_nobody_is_chatted_with_below_a_post(hub: Run, with_a_ticket: Path, conversation: str) -> None:
    query(with_a_ticket, "UPDATE conversations SET thread = '778899_1'")

    for words in (("reply", conversation, "Hola"), ("read", conversation)):
        ran = hub("conversations", *words)
        assert ran.code == 1
        assert "below a post" in ran.err


def test_names_are_cleaned_empty_files_refused_large_pictures_sent_as_documents(
    hub: Run, with_a_ticket: Path, conversation: str, tmp_path: Path
) -> None:
    odd, empty, large = tmp_path / "caf\udce9\n.pdf", tmp_path / "empty.pdf", tmp_path / "large.png"
    odd.write_bytes(PDF)
    empty.touch()
    large.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(6 * 1024 * 1024))

    assert hub("conversations", "reply", conversation, "--file", odd).code == 0
    refused = hub("conversations", "reply", conversation, "Va", "--file", empty)
    assert (refused.code, refused.err) == (1, f"{empty} is empty\n")
    assert hub("conversations", "reply", conversation, "--file", large).code == 0

    kept = query(with_a_ticket, "SELECT filename, kind FROM attachments ORDER BY position")
    assert kept == [("caf__.pdf", "document"), ("large.png", "document")]
    assert len(files(with_a_ticket)) == 2
