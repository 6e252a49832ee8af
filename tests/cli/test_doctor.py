"""Command ``hub doctor``: what is wrong, in Spanish, with what to do."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from hub.bus.kafka import topics
from hub.doctor import machine
from hub.pipeline.ingest.mark import Mark, MarkFile
from tests.cli.conftest import Ran, Run
from tests.kafka.test_topics import settings_of
from tests.support.kafka import KafkaPlace
from tests.support.kafka.fixtures import kafka, kafka_address
from tests.support.postgres import a_database

__all__ = ["kafka", "kafka_address"]


@pytest.fixture
def healthy(with_a_ticket: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A stopped hub that has nothing wrong, on a disk that counts as local."""
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda {tmp_path} ext4 rw 0 0\n")
    monkeypatch.setattr(machine, "MOUNTS", mounts)
    for path in [with_a_ticket, *with_a_ticket.rglob("*")]:
        path.chmod(0o700 if path.is_dir() else 0o600)
    return with_a_ticket


@pytest.fixture(params=["sqlite", pytest.param("postgresql+kafka", marks=[pytest.mark.postgres, pytest.mark.kafka])])
def change_it(
    request: pytest.FixtureRequest, hub: Run, healthy: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], None]]:
    """What breaks that healthy hub: where it is, or moved to PostgreSQL with Kafka."""
    if request.param == "sqlite":
        yield lambda sql: change(healthy, sql)
        return
    kafka: KafkaPlace = request.getfixturevalue("kafka")
    for name, value in kafka.environment.items():
        monkeypatch.setenv(name, value)
    asyncio.run(topics.apply(settings_of(kafka)))
    with a_database(migrated=False) as url:
        address = url.replace("postgresql:", "postgresql+psycopg:")
        monkeypatch.setenv("HUB_DATABASE_URL", address)
        assert hub("move", "--yes").code == 0

        def run(sql: str) -> None:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(sql)

        yield run


def levels(ran: Ran) -> dict[str, str]:
    """Return the worst level of each check that is not fine."""
    return {one["check"]: one["level"] for one in ran.json["findings"] if one["level"] != "ok"}


def found(ran: Ran, check: str) -> dict[str, str]:
    (one,) = [one for one in ran.json["findings"] if one["check"] == check and one["level"] != "ok"]
    return dict(one)


@pytest.mark.usefixtures("change_it")
def test_of_a_healthy_hub_it_only_says_that_it_is_stopped(hub: Run) -> None:
    ran = hub("doctor", "--json")

    assert levels(ran) == {"running": "warning"}
    assert (ran.code, ran.json["healthy"]) == (0, True)
    assert hub("doctor").out.rstrip().endswith("Todo está en orden.")


def test_every_trouble_has_a_cure(hub: Run, with_dead_letters: Path) -> None:
    ran = hub("doctor", "--json")

    assert ran.code == 1
    assert levels(ran)["dead_letters"] == "wrong"
    assert found(ran, "dead_letters")["what_es"] == "2 mensajes muertos esperan tu decisión."
    assert all(one["cure_es"] for one in ran.json["findings"] if one["level"] != "ok")


def change(data: Path, sql: str) -> None:
    with closing(sqlite3.connect(data / "hub.db", isolation_level=None)) as connection:
        connection.execute(sql)


@pytest.mark.feature("OB-05")
@pytest.mark.parametrize(
    ("sql", "check", "words"),
    [
        ("UPDATE groups SET state='paused', reason='x' WHERE name='open-tickets'", "group.open-tickets", "en pausa"),
        ("UPDATE group_keys SET held_until=9e15", "group.open-tickets", "detenidas"),
        ("UPDATE groups SET name='otro' WHERE name='open-tickets'", "group.otro", "Ningún manejador"),
        ("UPDATE effects SET state='unknown', code='doubtful'", "doubtful", "no se sabe si llegó"),
        ("UPDATE effects SET state='intent'", "routes", "no tienen por dónde salir"),
        ("UPDATE effects SET state='intent', not_before=1", "standing", "detenidos desde hace más de 5 min: whatsapp:"),
        ("UPDATE deliveries SET published=published+1", "balance", "no suman"),
        ("UPDATE store_info SET id='another'", "journal", "pertenece a otra base"),
        ("UPDATE journal_cursors SET segment=99", "journal", "no es la que era"),
        ("UPDATE schema SET version='0000'", "database", "versión anterior"),
    ],
)
def test_it_names_the_trouble(hub: Run, change_it: Callable[[str], None], sql: str, check: str, words: str) -> None:
    change_it(sql)

    ran = hub("doctor", "--json")

    assert words in found(ran, check)["what_es"]
    assert ran.code == (0 if found(ran, check)["level"] == "warning" else 1)


def test_an_effect_that_may_not_go_yet_does_not_stand_still(hub: Run, change_it: Callable[[str], None]) -> None:
    change_it("UPDATE effects SET state='intent', not_before=9e15")

    assert "standing" not in levels(hub("doctor", "--json"))


def test_a_damaged_database_is_named(hub: Run, healthy: Path) -> None:
    body = bytearray((healthy / "hub.db").read_bytes())
    body[8192:16384] = os.urandom(8192)
    (healthy / "hub.db").write_bytes(bytes(body))
    for suffix in ("-wal", "-shm"):
        (healthy / f"hub.db{suffix}").unlink(missing_ok=True)

    ran = hub("doctor", "--json")

    assert ran.code == 1
    assert {"database", "integrity"} & set(levels(ran))


def test_what_others_may_read_is_named(hub: Run, healthy: Path) -> None:
    healthy.chmod(0o755)
    (healthy / "hub.db").chmod(0o644)

    ran = hub("doctor", "--json")

    assert found(ran, "data")["cure_es"] == f"chmod 700 {healthy}"
    assert found(ran, "files")["what_es"] == "Otros usuarios pueden leer hub.db."


@pytest.mark.parametrize(
    ("kind", "level"), [("ext4", None), ("tmpfs", "wrong"), ("nfs4", "misconfigured"), ("overlay", "warning")]
)
def test_the_kind_of_disk_matters(hub: Run, healthy: Path, tmp_path: Path, kind: str, level: str | None) -> None:
    (tmp_path / "mounts").write_text(f"/dev/sda / ext4 rw 0 0\nx {tmp_path} {kind} rw 0 0\n")

    assert levels(hub("doctor", "--json")).get("disk") == level


def test_little_space_is_named(hub: Run, healthy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_LIMITS__DISK_FREE_BYTES", str(10**18))

    assert "Queda poco disco" in found(hub("doctor", "--json"), "space")["what_es"]


def test_wrong_settings_end_with_two_naming_each(hub: Run, healthy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_WHATSAPP__SOPORTE__APP_SECRET", "")

    ran = hub("doctor", "--json")

    assert ran.code == 2
    assert levels(ran)["connector.whatsapp"] == "misconfigured"

    monkeypatch.setenv("HUB_PRIVATE_PORT", "x")
    ran = hub("doctor", "--json")
    assert (ran.code, levels(ran)) == (2, {"settings": "misconfigured"})


def test_without_a_hub_it_says_how_to_start_one(hub: Run, data: Path) -> None:
    ran = hub("doctor", "--json")

    assert ran.code == 1
    assert "hub run" in found(ran, "data")["cure_es"]
    assert not data.exists()


def test_a_database_that_is_not_there_is_named(hub: Run, healthy: Path) -> None:
    (healthy / "hub.db").unlink()

    assert "No hay base de datos" in found(hub("doctor", "--json"), "database")["what_es"]


def test_a_journal_is_adopted_by_another_database(hub: Run, healthy: Path) -> None:
    file = MarkFile(healthy / "journal")
    mark = file.read()
    assert mark is not None
    MarkFile(healthy / "journal").write(Mark(**{**mark.model_dump(), "store_id": "another"}))

    assert "journal" in levels(hub("doctor", "--json"))
    assert hub("journal", "adopt", healthy / "journal").code == 1
    ran = hub("journal", "adopt", healthy / "journal", "--yes", "--json")

    assert (ran.json["was"], ran.json["store_id"], ran.json["done"]) == ("another", mark.store_id, True)
    assert "journal" not in levels(hub("doctor", "--json"))
    assert MarkFile(healthy / "journal").read() == mark
    assert (
        hub("journal", "adopt", healthy).err == f"{healthy} is no journal; name the directory with journal.id in it\n"
    )
