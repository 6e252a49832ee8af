"""The judge of the kill harness bites: each defect that is planted in sound books is reported."""

from __future__ import annotations

import copy
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hub.bootstrap import JOURNAL
from hub.pipeline.journal.segment import list_segments
from hub.store.tables import messages
from tests.reliability.echo import PREFIX
from tests.reliability.kill_run import kill_often
from tests.reliability.verdict import Evidence, judge
from tests.support.audit import Books

LINE = "SELECT position FROM events WHERE type = 'hub.message.received.v1' ORDER BY position DESC LIMIT 1"
TWO_OF_A_KEY = """
SELECT min(position), max(position) FROM events WHERE type = ? AND actor = ?
GROUP BY key HAVING count(*) > 1 LIMIT 1
"""
ECHO = f"SELECT id FROM messages WHERE direction = 'out' AND text LIKE '{PREFIX}%' ORDER BY position LIMIT 1"

COPIED = ", ".join(column.name for column in messages.columns if column.name not in {"position", "id"})
ANSWER_AGAIN = f"""
INSERT INTO messages ({COPIED}, id) SELECT {COPIED}, 'twice' FROM messages WHERE id = ({ECHO})
"""
TICKET_AGAIN = """
INSERT INTO tickets SELECT NULL, 'twice', 'twice', 'twice', conversation_id, contact_id, channel, kind, title, state,
asked_at, opened_at, version FROM tickets LIMIT 1
"""
WARN_AGAIN = """
UPDATE events SET data = (SELECT data FROM events WHERE type = 'hub.clock.warned.v1' ORDER BY position LIMIT 1)
WHERE type = 'hub.clock.warned.v1'
"""

DEFECTS = {
    "a line is lost": (f"DELETE FROM events WHERE position = ({LINE})", "was not heard as said"),
    "an answer is lost": (f"DELETE FROM effects WHERE id = ({ECHO})", "0 of them effects"),
    "an answer is made twice": (ANSWER_AGAIN, "has 2 answers"),
    "an answer is left": (f"UPDATE effects SET state = 'intent' WHERE id = ({ECHO})", "is left intent"),
    "an answer is given up": (f"UPDATE effects SET state = 'failed', code = 'x' WHERE id = ({ECHO})", "ended as x"),
    "a doubt has no cause": (f"UPDATE effects SET state = 'unknown', code = 'doubtful' WHERE id = ({ECHO})", "no kill"),
    "a ticket is opened twice": (TICKET_AGAIN, "tickets for"),
    "a refusal is forgotten": ("DELETE FROM dead_letters", "has 0 dead letters"),
    "an event was given up": ("UPDATE dead_letters SET scope = 'event'", "events were given up"),
    "a group is behind": ("UPDATE group_keys SET position = position - 1", "hub balance: "),
    "a warning is given twice": (WARN_AGAIN, "warnings of"),
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """Books that a short run has left, which are in order."""
    report = kill_often(tmp_path_factory.mktemp("sound"), 7, 3)
    assert report.verdict.problems == []
    return report.evidence


@pytest.fixture
def evidence(sound: Evidence, tmp_path: Path) -> Evidence:
    """Give a copy that a test may spoil."""
    shutil.copytree(sound.data, tmp_path / "data")
    return replace(sound, data=tmp_path / "data", ledger=copy.deepcopy(sound.ledger), stranded=frozenset())


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_of_the_books_is_reported(defect: str, evidence: Evidence) -> None:
    change, told = DEFECTS[defect]
    _change(evidence, change)

    assert any(told in problem for problem in judge(evidence).problems)


def test_lines_out_of_order_are_reported(evidence: Evidence) -> None:
    _swap(evidence, "data", "hub.message.received.v1", "customer")

    assert any("was not heard as said" in problem for problem in judge(evidence).problems)


def test_conclusions_out_of_order_are_reported(evidence: Evidence) -> None:
    _swap(evidence, "causation", "hub.reply.requested.v1", "hub:echo-for-tests")

    assert any("after what came later" in problem for problem in judge(evidence).problems)


def test_answers_out_of_order_are_reported(evidence: Evidence) -> None:
    first, second = _two_answers(evidence)
    first["text"], second["text"] = second["text"], first["text"]

    assert any("was answered in the order" in problem for problem in judge(evidence).problems)


def test_an_answer_that_came_twice_is_reported(evidence: Evidence) -> None:
    first, _ = _two_answers(evidence)

    problems = judge(replace(evidence, ledger=[*evidence.ledger, first])).problems

    assert any("was taken 2 times" in problem for problem in problems)


def test_an_answer_that_nobody_received_is_reported(evidence: Evidence) -> None:
    first, _ = _two_answers(evidence)

    problems = judge(replace(evidence, ledger=[one for one in evidence.ledger if one is not first])).problems

    assert any("no phone received it" in problem for problem in problems)


def test_a_row_that_the_journal_lost_is_reported(evidence: Evidence) -> None:
    for segment in list_segments(evidence.data / JOURNAL):
        with closing(sqlite3.connect(segment.path)) as connection, connection:
            connection.execute("DELETE FROM deliveries")

    assert any(problem.startswith("the journal has") for problem in judge(evidence).problems)


def test_a_damaged_page_is_reported(evidence: Evidence) -> None:
    with (evidence.data / "hub.db").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096)

    assert any("hub.db is damaged" in problem for problem in judge(evidence).problems)


def _change(evidence: Evidence, script: str) -> None:
    with closing(sqlite3.connect(evidence.data / "hub.db")) as connection, connection:
        assert connection.execute(script).rowcount > 0


def _swap(evidence: Evidence, column: str, type_: str, actor: str) -> None:
    with closing(sqlite3.connect(evidence.data / "hub.db")) as connection, connection:
        pair = connection.execute(TWO_OF_A_KEY, (type_, actor)).fetchone()
        values = [
            connection.execute(f"SELECT {column} FROM events WHERE position = ?", (one,)).fetchone()[0] for one in pair
        ]
        for one, value in zip(pair, reversed(values), strict=True):
            connection.execute(f"UPDATE events SET {column} = ? WHERE position = ?", (value, one))


def _two_answers(evidence: Evidence) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return two messages of the hub that one phone received, of which the hub knows so; of a doubt it does not."""
    known = {
        id_ for (id_,) in Books(evidence.data).rows("SELECT id FROM effects WHERE state IN ('accepted', 'confirmed')")
    }
    seen: dict[str, dict[str, Any]] = {}
    for entry in evidence.ledger:
        if entry["kind"] == "send" and entry["taken"] and entry["text"].startswith(PREFIX) and entry["effect"] in known:
            if entry["phone"] in seen:
                return seen[entry["phone"]], entry
            seen[entry["phone"]] = entry
    msg = "nobody was answered twice"
    raise AssertionError(msg)
