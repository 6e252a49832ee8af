"""Commands about journals: taking over that of a dead machine, emptying one's own."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from hub.cli import draining
from hub.draining import Drain
from hub.pipeline.ingest.mark import Mark, MarkFile
from hub.store import schema
from hub.system import SystemClock, SystemRandomness
from tests.cli.conftest import Run
from tests.support.audit import Books, PostgresBooks
from tests.support.engines import ENGINES
from tests.support.journals import a_writer, bodies
from tests.support.ports import free_ports
from tests.support.postgres import a_database
from tests.support.stores import migrated
from tests.support.webhooks import of_messages, text


@dataclass(frozen=True)
class Here:
    """The machine on which commands run: its database, the disk of another one."""

    data: Path
    books: Books
    dead: Path

    def change(self, sql: str) -> None:
        """Write to the database by hand."""
        if isinstance(self.books, PostgresBooks):
            import psycopg

            with psycopg.connect(self.books._url) as connection:
                connection.execute(sql)
        else:
            import sqlite3

            connection_ = sqlite3.connect(self.data / "hub.db", isolation_level=None)
            connection_.execute(sql)
            connection_.close()


@pytest.fixture(params=ENGINES)
def here(data: Path, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Here]:
    dead = tmp_path / "mnt" / "journal"
    if request.param == "sqlite":
        migrated(data)
        yield Here(data, Books(data), dead)
        return
    data.mkdir()
    with a_database() as url:
        monkeypatch.setenv("HUB_DATABASE_URL", url.replace("postgresql:", "postgresql+psycopg:"))
        yield Here(data, PostgresBooks(url), dead)


def accept(journal: Path, *ids: str) -> None:
    """Let a machine answer 200 to messages, then die before anything of them is ingested."""
    clock = SystemClock()

    async def take() -> None:
        writer = a_writer(journal, clock=clock, randomness=SystemRandomness())
        async with writer.running():
            for id_ in ids:
                body = of_messages(text(id_, at=clock.now()))
                received = int(clock.now().timestamp() * 1_000_000)
                await writer.append((received, "whatsapp", "main", "POST", "/webhooks/whatsapp/main", "{}", body))

    journal.parent.mkdir(parents=True, exist_ok=True)
    asyncio.run(take())


def heard(here: Here) -> int:
    return here.books.count("events", "type = 'hub.message.received.v1'")


def test_a_dead_machines_journal_is_taken_over_once(hub: Run, here: Here) -> None:
    accept(here.dead, "wamid.1", "wamid.2")
    accept(here.dead, "wamid.3")

    dry = hub("journal", "adopt", here.dead, "--json")
    assert (dry.code, dry.json["done"], dry.json["pending"], heard(here)) == (1, False, 3, 0)
    ran = hub("journal", "adopt", here.dead, "--yes", "--json")
    assert (ran.code, ran.json["ingested"], heard(here)) == (0, 3, 3), ran.err
    assert hub("journal", "adopt", here.dead, "--yes", "--json").json["ingested"] == 0
    assert hub("journal", "adopt", here.dead).code == 0

    assert (heard(here), here.books.count("deliveries"), here.books.count("journals")) == (3, 3, 0)
    assert here.books.count("store_info", "restored_at IS NOT NULL") == 0


def test_a_journal_that_nobody_reports_any_more_is_struck_off(hub: Run, here: Here) -> None:
    accept(here.dead, "wamid.1")
    assert hub("journal", "adopt", here.dead, "--yes").code == 0
    journal = (here.dead / "journal.id").read_text()
    accept(here.dead, "wamid.2")
    fields = "(journal, host, pending, reports, seen_at)"
    here.change(f"INSERT INTO journals {fields} VALUES ('{journal}', 'nodo-2', 1, 1, 1)")

    ran = hub("journal", "adopt", here.dead, "--yes")

    assert (ran.code, heard(here), here.books.count("journals")) == (0, 2, 0)
    assert "1 deliveries were ingested" in ran.out


def test_what_another_database_had_of_it_is_not_answered_again(hub: Run, here: Here) -> None:
    """The first database is lost with its machine, the journal goes on with another one."""
    accept(here.dead, "wamid.1", "wamid.2")
    journal = (here.dead / "journal.id").read_text()
    MarkFile(here.dead).write(Mark(store_id="another", journal=journal, segment=1, row=1, position=7))

    ran = hub("journal", "adopt", here.dead, "--yes", "--json")

    assert (ran.json["was"], ran.json["ingested"], heard(here)) == ("another", 2, 2)
    assert here.books.count("store_info", "restored_at IS NOT NULL") == 1


@pytest.mark.parametrize("part", ["receiver", "ingester"])
def test_a_journal_whose_hub_runs_is_refused_by_its_lock(hub: Run, here: Here, part: str) -> None:
    accept(here.dead, "wamid.1")

    with schema.locked(here.dead.parent, part):
        ran = hub("journal", "adopt", here.dead, "--yes")

    assert (ran.code, heard(here)) == (2, 0)
    assert f"another process is the {part}" in ran.err


def test_two_who_adopt_the_same_copy_do_so_one_after_the_other(hub: Run, here: Here) -> None:
    accept(here.dead, "wamid.1")

    with schema.locked(here.dead, "adoption"):
        assert hub("journal", "adopt", here.dead, "--yes").code == 2

    assert hub("journal", "adopt", here.dead, "--yes").code == 0
    assert heard(here) == 1


def test_a_machine_that_reported_just_now_is_not_dead(hub: Run, here: Here) -> None:
    accept(here.dead, "wamid.1")
    journal = (here.dead / "journal.id").read_text()
    now = int(SystemClock().now().timestamp() * 1_000_000)
    fields = "(journal, host, pending, reports, seen_at)"
    here.change(f"INSERT INTO journals {fields} VALUES ('{journal}', 'nodo-2', 1, 1, {now})")

    ran = hub("journal", "adopt", here.dead, "--yes")

    assert (ran.code, heard(here)) == (1, 0)
    assert "the hub on nodo-2 reported" in ran.err


def test_a_copy_that_ends_before_what_is_ingested_is_refused(hub: Run, here: Here, tmp_path: Path) -> None:
    accept(here.dead, "wamid.1")
    shutil.copytree(here.dead, tmp_path / "copy")
    accept(here.dead, "wamid.2")
    assert hub("journal", "adopt", here.dead, "--yes").code == 0

    ran = hub("journal", "adopt", tmp_path / "copy", "--yes")

    assert (ran.code, heard(here)) == (1, 2)
    assert "is gone" in ran.err


def test_what_is_no_journal_is_refused(hub: Run, here: Here) -> None:
    here.dead.mkdir(parents=True)

    ran = hub("journal", "adopt", here.dead, "--yes")

    assert (ran.code, ran.err) == (1, f"{here.dead} is no journal; name the directory with journal.id in it\n")


def test_a_stopped_hub_is_drained_by_the_command_itself(hub: Run, here: Here) -> None:
    accept(here.data / "journal", "wamid.1", "wamid.2")

    ran = hub("intake", "drain", "--json")

    assert (ran.code, ran.json) == (0, {"empty": True, "deliveries": 2, "running": False}), ran.err
    assert (heard(here), here.books.count("journals")) == (2, 0)
    assert Drain(here.data).asked
    assert hub("intake", "drain").out.endswith("The node can be taken away.\n")
    assert hub("intake", "resume", "--json").json == {"resumed": True}
    assert hub("intake", "resume", "--json").json == {"resumed": False}
    assert Drain(here.data).asked is None


def test_a_drain_is_refused_while_the_database_is_away(hub: Run, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    accept(data / "journal", "wamid.1")
    monkeypatch.setenv("HUB_DATABASE_URL", f"postgresql+psycopg://hub@127.0.0.1:{free_ports(1)[0]}/hub")

    ran = hub("intake", "drain")

    assert ran.code == 1
    assert "cannot serve now" in ran.err
    assert Drain(data).asked is None, "deliveries are taken as before"
    assert len(bodies(data / "journal")) == 1


def test_a_drain_that_does_not_come_to_its_end_lets_deliveries_in_again(
    hub: Run, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept(here.data / "journal", "wamid.1")
    monkeypatch.setattr(draining, "_ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(draining, "_STUCK_SECONDS", 0.2)

    with schema.locked(here.data, "receiver"):
        assert "did not stop accepting" in hub("intake", "drain").err
    with schema.locked(here.data, "ingester"):
        assert "leaves 1 deliveries" in hub("intake", "drain").err

    assert Drain(here.data).asked is None
    assert heard(here) == 0


def test_a_drain_needs_a_journal(hub: Run, here: Here) -> None:
    ran = hub("intake", "drain")

    assert (ran.code, ran.err) == (1, f"{here.data} has no journal; name the data directory of an intake with --data\n")


def test_another_machines_journal_stands_on_the_doctors_page(hub: Run, here: Here) -> None:
    now = SystemClock().now()

    def at(ago: timedelta) -> int:
        return int((now - ago).timestamp() * 1_000_000)

    short, long = at(timedelta(seconds=2)), at(timedelta(minutes=6))
    fields = "(journal, host, pending, pending_since, reports, seen_at)"
    for row in (f"'j1', 'sano', 0, NULL, 9, {short}", f"'j2', 'mudo', 0, NULL, 9, {long}"):
        here.change(f"INSERT INTO journals {fields} VALUES ({row})")
    here.change(f"INSERT INTO journals {fields} VALUES ('j3', 'lento', 4, {long}, 9, {short})")

    found = {one["check"]: one for one in hub("doctor", "--json").json["findings"]}

    assert (found["journal.sano"]["level"], found["journal.mudo"]["level"]) == ("ok", "wrong")
    assert "no da señales desde hace 6 min" in found["journal.mudo"]["what_es"]
    assert "hub journal adopt" in found["journal.mudo"]["cure_es"]
    assert found["journal.lento"]["level"] == "wrong"
    assert "4 entregas pendientes" in found["journal.lento"]["what_es"]
