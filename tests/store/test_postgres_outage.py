"""The server goes away under load, comes back, refuses to be careless."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator

import psycopg
import pytest
from sqlalchemy.exc import IntegrityError

from hub.errors import Misconfigured, StoreUnavailable
from hub.store import postgres_engine
from hub.store.postgres import PostgresStore
from hub.store.transaction import UnitOfWork
from tests.contracts.store.base import ADD, LOG, alert, put, tx_of, value
from tests.support.lossy_proxy import LossyProxy
from tests.support.postgres import migrate, running_postgres_store, skip_or_fail
from tests.support.postgres_server import NoPostgresError, PostgresServer, a_server

pytestmark = [pytest.mark.postgres, pytest.mark.xdist_group("postgres_outage")]

SECONDS = 30


@pytest.fixture(scope="module")
def started() -> Iterator[PostgresServer]:
    try:
        with a_server() as server:
            yield server
    except NoPostgresError as error:
        skip_or_fail(str(error))


@pytest.fixture
def server(started: PostgresServer) -> Iterator[PostgresServer]:
    """A server of its own, with a fresh database named ``hub``."""
    with psycopg.connect(f"{started.url}/postgres", autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS hub WITH (FORCE)")
        connection.execute("CREATE DATABASE hub TEMPLATE template0")
    migrate(f"{started.url}/hub")
    yield started
    started.stop()
    started.start()


@pytest.fixture
async def store(server: PostgresServer) -> AsyncIterator[PostgresStore]:
    async with running_postgres_store(f"{server.url}/hub", rehearse=False) as store:
        yield store


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that tasks bring about."""
    async with asyncio.timeout(SECONDS):
        while not condition():  # noqa: ASYNC110 - the condition is the product's own
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
async def test_what_was_answered_is_there_after_the_server_went_away(
    store: PostgresStore, server: PostgresServer, how: signal.Signals
) -> None:
    refused: Counter[str] = Counter()
    answered: set[str] = set()
    ends = asyncio.Event()

    async def add_for_ever(who: int) -> None:
        number = 0
        while not ends.is_set():
            name = f"{who}-{number}"

            def add(unit: UnitOfWork, name: str = name) -> None:
                tx_of(unit, name).run(ADD, counter=name, number=1)
                tx_of(unit, name).state(alert(name), key=str(who))

            try:
                await store.transact(add, name="add")
            except StoreUnavailable:
                refused[name] += 1
                await asyncio.sleep(0.02)
                continue
            except IntegrityError:
                # Its answer was lost, not it: only after a refusal may it be there already.
                assert refused[name]
            answered.add(name)
            number += 1

    workers = [asyncio.create_task(add_for_ever(who)) for who in range(6)]
    await until(lambda: len(answered) > 100)
    server.stop(how)
    await until(lambda: len(refused) >= 6)
    server.start()
    before = len(answered)
    await until(lambda: len(answered) > before + 100)
    ends.set()
    await asyncio.gather(*workers)

    rows = await store.read(lambda tx: tx.all(LOG))
    said = Counter(row.data for row in rows)
    assert said == Counter(alert(name).model_dump_json() for name in answered), "nothing lost, nothing double"
    for who in range(6):
        numbers = [row.position for row in rows if row.key == str(who)]
        assert numbers == sorted(numbers)


async def test_whoever_reads_meanwhile_is_told_to_come_later(store: PostgresStore, server: PostgresServer) -> None:
    await store.transact(put("a", 1), name="put")
    server.stop()

    with pytest.raises(StoreUnavailable):
        await store.read(lambda tx: value(tx, "a"))
    with pytest.raises(StoreUnavailable):
        await store.transact(put("a", 2), name="put")

    server.start()
    assert await store.read(lambda tx: value(tx, "a")) == 1
    await store.transact(put("a", 3), name="put")


async def test_a_restart_between_two_calls_is_not_even_noticed(store: PostgresStore, server: PostgresServer) -> None:
    await store.transact(put("a", 1), name="put")
    await store.read(lambda tx: value(tx, "a"))
    server.stop()
    server.start()

    await asyncio.gather(*(store.transact(put(f"b{number}", 1), name="put") for number in range(20)))
    assert await store.read(lambda tx: value(tx, "a")) == 1


async def test_a_store_starts_before_its_server(server: PostgresServer) -> None:
    server.stop()
    async with running_postgres_store(f"{server.url}/hub") as store:
        with pytest.raises(StoreUnavailable):
            await store.read(lambda tx: value(tx, "a"))
        server.start()

        await store.transact(put("a", 1), name="put")


async def test_a_frozen_server_keeps_nobody_for_ever(server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_engine, "PATIENCE_SECONDS", 0.5)
    async with running_postgres_store(f"{server.url}/hub", rehearse=False) as store:
        await store.transact(put("a", 1), name="put")
        with psycopg.connect(f"{server.url}/hub") as connection:
            pids = [
                pid for (pid,) in connection.execute("SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
            ]
        frozen = [server.pid, *pids]
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(StoreUnavailable):
                await store.transact(put("a", 2), name="put")
        finally:
            for pid in frozen:
                os.kill(pid, signal.SIGCONT)

        await store.transact(put("a", 3), name="put")
        assert await store.read(lambda tx: value(tx, "a")) == 3


async def test_after_an_outage_it_looks_for_what_others_did(store: PostgresStore, server: PostgresServer) -> None:
    heard = asyncio.Event()
    store.on_commit(lambda commit: heard.set() if "elsewhere" in commit.signals else None)
    server.stop()
    server.start()

    async with asyncio.timeout(SECONDS):
        await heard.wait()


async def test_a_commit_whose_answer_was_lost_is_told_by_the_token(server: PostgresServer) -> None:
    runs: list[str] = []

    def once(unit: UnitOfWork) -> str:
        tx = tx_of(unit)
        found = value(tx, "token")
        runs.append("again" if found else "first")
        if found is None:
            tx.run(ADD, counter="token", number=1)
            tx.state(alert("done"), key="k")
        return runs[-1]

    with LossyProxy(server.port).running() as proxy:
        async with running_postgres_store(f"postgresql://hub@127.0.0.1:{proxy.port}/hub", rehearse=False) as store:
            proxy.loses = True
            with pytest.raises(StoreUnavailable):
                await store.transact(once, name="once")
            proxy.loses = False

            assert await store.transact(once, name="once") == "again"
            assert len(await store.read(lambda tx: tx.all(LOG))) == 1
    assert proxy.lost == 1
    assert runs == ["first", "again"]


async def test_settings_that_lose_what_was_confirmed_are_refused_by_name(started: PostgresServer) -> None:
    before = started.options
    try:
        started.stop()
        started.options = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
        started.start()
        with pytest.raises(Misconfigured) as refused:
            async with running_postgres_store(f"{started.url}/postgres"):
                pass
    finally:
        started.stop()
        started.options = before
        started.start()

    for name, problem in zip(("fsync", "synchronous_commit", "full_page_writes"), refused.value.problems, strict=True):
        assert problem.startswith(f"PostgreSQL runs with {name}=off")
