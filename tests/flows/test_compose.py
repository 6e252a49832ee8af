"""docker-compose.yml is sound: each command of the hub in it is run here, without Docker."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from psycopg import conninfo
from ruamel.yaml import YAML

from hub import kafka_settings, settings
from tests.features.catalogue import ROOT
from tests.support.hub_process import QUICK, die_with_us, until
from tests.support.kafka import KafkaPlace
from tests.support.ports import free_ports
from tests.support.postgres import a_database

COMPOSE: Final = ROOT / "docker-compose.yml"
SERVICES: Final[Mapping[str, Any]] = YAML(typ="safe").load(COMPOSE.read_text())["services"]
OURS: Final = {name: service for name, service in SERVICES.items() if service["image"] == "exsim-hub"}
FIRST: Final = ("migrate", "topics")
"""They do one thing, then end; the others wait for them."""


def test_it_fits_the_schema_of_compose_files() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_what_must_survive_is_on_a_volume() -> None:
    kept = {name: service.get("volumes", []) for name, service in SERVICES.items()}

    assert [volume.partition(":")[2] for volume in kept["intake"]] == [OURS["intake"]["environment"]["HUB_DATA"]]
    assert kept["postgres"]
    assert kept["kafka"]
    # Two workers may not share a data directory.
    assert not kept["worker"]


def test_nothing_starts_before_what_it_stands_on() -> None:
    for name, service in OURS.items():
        waits = {other: how["condition"] for other, how in service["depends_on"].items()}
        if name in FIRST:
            assert set(waits.values()) == {"service_healthy"}
        else:
            assert waits == dict.fromkeys(FIRST, "service_completed_successfully")
            assert service["healthcheck"]["test"] == ["CMD", "hub", "ready"]


@pytest.mark.parametrize("name", OURS)
def test_its_environment_is_read_as_it_is_written(name: str) -> None:
    read = settings.load(OURS[name]["environment"])

    assert read.database_url is not None
    assert str(read.data) == OURS[name]["environment"]["HUB_DATA"]
    brokers = kafka_settings.load(OURS[name]["environment"])
    assert brokers is not None
    assert brokers.bootstrap_servers == ("kafka:9092",)


@pytest.fixture
def places(tmp_path: Path, kafka: KafkaPlace) -> Iterator[dict[str, dict[str, str]]]:
    """The environment of each of our services, with this machine's addresses in place of theirs."""
    passfile = tmp_path / "pgpass"
    with a_database(migrated=False) as database:
        asked = conninfo.conninfo_to_dict(database)
        password = asked.get("password") or "unused"
        # As in .secrets: the file alone has the password.
        passfile.write_text(f"*:*:*:*:{password}\n")
        passfile.chmod(0o600)
        address = re.sub("://[^@]*@", f"://{asked['user']}@", database).replace("postgresql:", "postgresql+psycopg:")
        found = {}
        for name, service in OURS.items():
            ports = zip(("WEBHOOK", "PRIVATE", "SIMULATOR"), free_ports(3), strict=True)
            found[name] = {
                **os.environ,
                **QUICK,
                **service["environment"],
                **kafka.environment,
                **{f"HUB_{part}_PORT": str(port) for part, port in ports},
                "HUB_DATABASE_URL": f"{address}?passfile={passfile}",
                "HUB_DATA": str(tmp_path / name),
                "HUB_WEBHOOK_HOST": "127.0.0.1",
            }
        yield found


@pytest.mark.kafka
@pytest.mark.postgres
@pytest.mark.xdist_group("scale")
def test_every_command_of_the_hub_runs(tmp_path: Path, places: dict[str, dict[str, str]]) -> None:
    for name in FIRST:
        done = _run(OURS[name]["command"], places[name])
        assert done.returncode == 0, done.stdout + done.stderr
    lives = {
        name: _begin(service["command"], places[name], tmp_path / f"{name}.log")
        for name, service in OURS.items()
        if name not in FIRST
    }
    try:
        for name in lives:
            until(partial(_is_healthy, name, places[name]), f"{name} is healthy", 60)
        assert not _is_healthy("console", places["migrate"]), "nobody is there"
        for name, life in lives.items():
            life.send_signal(signal.SIGTERM)
            grace = float(OURS[name]["stop_grace_period"].removesuffix("s"))
            assert life.wait(grace) == 0, (tmp_path / f"{name}.log").read_text()[-3000:]
    finally:
        for life in lives.values():
            life.kill()
            life.wait()


def _is_healthy(name: str, environment: Mapping[str, str]) -> bool:
    return _run(OURS[name]["healthcheck"]["test"][1:], environment).returncode == 0


def _begin(command: list[str], environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        # Between fork and exec the child does nothing but ask the kernel for one thing.
        return subprocess.Popen(
            _words(command),
            env=environment,
            stdout=output,
            stderr=output,
            preexec_fn=die_with_us,  # noqa: PLW1509
        )


def _run(command: list[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(_words(command), env=environment, capture_output=True, text=True, check=False, timeout=60)


def _words(command: list[str]) -> list[str]:
    assert command[0] == "hub"
    return [sys.executable, "-m", *command]
