"""What only a database with many writers can get wrong."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
from sqlalchemy import delete, text
from sqlalchemy.exc import DBAPIError

from hub.errors import Misconfigured, StoreUnavailable
from hub.ports import Commit
from hub.store.postgres import PostgresStore
from hub.store.settled import settled
from hub.store.tables import counters
from hub.store.transaction import UnitOfWork
from tests.contracts.store.base import ADD, CHANGE, LOG, alert, put, tx_of, value
from tests.support.postgres import a_database, running_postgres_store

pytestmark = pytest.mark.postgres

SECONDS = 20


@pytest.fixture
def url() -> Iterator[str]:
    with a_database() as url:
        yield url


@pytest.fixture
async def stores(url: str) -> AsyncIterator[list[PostgresStore]]:
    """Two processes' stores of one database."""
    async with (
        running_postgres_store(url, rehearse=False) as one,
        running_postgres_store(url, rehearse=False) as other,
    ):
        yield [one, other]


async def test_no_update_of_two_processes_is_lost(stores: list[PostgresStore]) -> None:
    await stores[0].transact(put("a", 0), name="put")

    def add(unit: UnitOfWork) -> None:
        tx = tx_of(unit)
        tx.lock("counter", ["a"])
        tx.run(CHANGE, counter="a", number=(value(tx, "a") or 0) + 1)

    await asyncio.gather(*(stores[number % 2].transact(add, name="add") for number in range(200)))

    assert await stores[0].read(lambda tx: value(tx, "a")) == 200


async def test_without_its_lock_the_same_update_is_lost(stores: list[PostgresStore]) -> None:
    """The test above proves something: READ COMMITTED alone does not keep it."""
    await stores[0].transact(put("a", 0), name="put")
    together = threading.Barrier(2, timeout=SECONDS)

    def add(unit: UnitOfWork) -> None:
        before = value(tx_of(unit), "a") or 0
        together.wait()
        tx_of(unit).run(CHANGE, counter="a", number=before + 1)

    await asyncio.gather(*(store.transact(add, name="add") for store in stores))

    assert await stores[0].read(lambda tx: value(tx, "a")) == 1


async def test_two_processes_that_look_at_each_other_do_not_both_go(stores: list[PostgresStore]) -> None:
    def leave(store: PostgresStore, name: str, other: str) -> asyncio.Future[bool]:
        def work(unit: UnitOfWork) -> bool:
            tx = tx_of(unit)
            tx.lock("on_call", [name, other])
            if value(tx, other) != 1:
                return False
            tx.run(CHANGE, counter=name, number=0)
            return True

        return asyncio.ensure_future(store.transact(work, name="leave"))

    for _ in range(30):
        await stores[0].transact(put("ana", 1), name="put")
        await stores[0].transact(put("luis", 1), name="put")

        left = await asyncio.gather(leave(stores[0], "ana", "luis"), leave(stores[1], "luis", "ana"))

        assert sorted(left) == [False, True]


async def test_a_deadlock_is_met_by_running_again(stores: list[PostgresStore]) -> None:
    together = threading.Barrier(2, timeout=SECONDS)
    runs: list[str] = []

    def both(first: str, second: str) -> asyncio.Future[None]:
        def work(unit: UnitOfWork) -> None:
            runs.append(first)
            tx_of(unit).lock("counter", [first])
            if len(runs) <= 2:
                together.wait()
            tx_of(unit).lock("counter", [second])
            put(first, 1)(unit)

        return asyncio.ensure_future(stores[0].transact(work, name="both"))

    await asyncio.gather(both("a", "b"), both("b", "a"))

    assert len(runs) == 3
    assert [await stores[0].read(lambda tx, n=name: value(tx, n)) for name in "ab"] == [1, 1]  # type: ignore[misc]


async def test_a_row_that_came_meanwhile_is_seen_when_it_runs_again(stores: list[PostgresStore]) -> None:
    """Look, then insert: two who do so at once both find what one of them wrote."""
    together = threading.Barrier(2, timeout=SECONDS)
    runs: list[int] = []

    def find_or_make(unit: UnitOfWork) -> int:
        tx = tx_of(unit)
        found = value(tx, "a")
        runs.append(1)
        if found is None:
            if len(runs) <= 2:
                together.wait()
            tx.run(ADD, counter="a", number=7)
        return value(tx, "a") or 0

    assert await asyncio.gather(*(store.transact(find_or_make, name="find") for store in stores)) == [7, 7]
    assert len(runs) == 3


async def test_within_a_key_positions_grow_with_commits(stores: list[PostgresStore]) -> None:
    """Each transaction states what its key had before it; meanwhile a follower misses none of it."""
    keys, rounds, seed = [f"k{number}" for number in range(4)], 60, random.Random(7)

    def state(cause: str, *wanted: str) -> asyncio.Future[None]:
        def work(unit: UnitOfWork) -> None:
            tx = tx_of(unit, cause)
            tx.lock("key", wanted)
            for key in wanted:
                number = value(tx, key) or 0
                put(key, number + 1)(unit)
                tx.state(alert(str(number)), key=key)

        return asyncio.ensure_future(seed.choice(stores).transact(work, name="state"))

    followed: list[tuple[str, str]] = []
    working = asyncio.gather(*(state(f"c{n}", *seed.sample(keys, seed.randint(1, 4))) for n in range(rounds)))
    reached = 0
    while not working.done() or reached < await stores[0].read(settled):
        until = await stores[0].read(settled)
        rows = await stores[1].read(lambda tx: tx.all(LOG))
        followed += [(row.key, row.data) for row in rows if reached < row.position <= until]
        reached = until
    await working

    rows = await stores[0].read(lambda tx: tx.all(LOG))
    assert followed == [(row.key, row.data) for row in rows], "the follower saw all, in order"
    for key in keys:
        said = [row.data for row in rows if row.key == key]
        assert said == [alert(str(number)).model_dump_json() for number in range(len(said))]


async def test_a_follower_stops_below_what_is_still_being_written(stores: list[PostgresStore]) -> None:
    taken, release = threading.Event(), threading.Event()

    def slow(unit: UnitOfWork) -> None:
        tx_of(unit, "slow").state(alert("slow"), key="k1")
        unit.flush()
        taken.set()
        assert release.wait(SECONDS)

    await stores[0].transact(lambda unit: tx_of(unit, "first").state(alert("first"), key="k0"), name="first")
    slowly = asyncio.ensure_future(stores[0].transact(slow, name="slow"))
    assert await asyncio.to_thread(taken.wait, SECONDS)
    await stores[1].transact(lambda unit: tx_of(unit, "fast").state(alert("fast"), key="k2"), name="fast")

    seen = await stores[1].read(lambda tx: [row.position for row in tx.all(LOG)])
    reached = await stores[1].read(settled)
    release.set()
    await slowly

    assert len(seen) == 2
    assert reached == seen[0], "below what the slow one is writing"
    assert await stores[1].read(settled) == seen[1]
    assert len(await stores[1].read(lambda tx: tx.all(LOG))) == 3


async def test_a_commit_wakes_the_other_processes(stores: list[PostgresStore]) -> None:
    heard: list[asyncio.Event] = []
    for store in stores:
        event = asyncio.Event()
        heard.append(event)
        store.on_commit(lambda commit, e=event: e.set() if commit == Commit((), frozenset({"elsewhere"})) else None)  # type: ignore[misc]

    await stores[0].transact(lambda unit: tx_of(unit).signal("effects"), name="signal")

    async with asyncio.timeout(SECONDS):
        await heard[1].wait()
    assert not heard[0].is_set(), "what it did itself is no news from elsewhere"


async def test_what_nobody_told_of_is_found_by_looking(url: str) -> None:
    async with running_postgres_store(url, look_seconds=0.02) as store:
        await store.read(lambda tx: value(tx, "a"))
        heard = asyncio.Event()
        store.on_commit(lambda commit: heard.set())
        with psycopg.connect(url) as connection:
            connection.execute("INSERT INTO counters (name, value) VALUES ('silent', 1)")

        async with asyncio.timeout(SECONDS):
            await heard.wait()


async def test_a_function_that_goes_on_after_a_failed_statement_is_refused(stores: list[PostgresStore]) -> None:
    def work(unit: UnitOfWork) -> None:
        put("a", 1)(unit)
        with contextlib.suppress(DBAPIError):
            tx_of(unit).run(text("SELECT 1/0"))

    with pytest.raises(RuntimeError, match="work went on after a statement had failed"):
        await stores[0].transact(work, name="work")

    assert await stores[0].read(lambda tx: value(tx, "a")) is None


@pytest.mark.parametrize("rehearse", [False, True])
async def test_no_lock_outlives_its_transaction(url: str, *, rehearse: bool) -> None:
    def work(unit: UnitOfWork) -> None:
        tx_of(unit).lock("counter", ["a", "b"])
        tx_of(unit).state(alert("1"), key="k")

    def fail(unit: UnitOfWork) -> None:
        work(unit)
        raise LookupError

    async with running_postgres_store(url, rehearse=rehearse) as store:
        await store.rehearse(work, name="work")
        await store.transact(work, name="work")
        with pytest.raises(LookupError):
            await store.transact(fail, name="fail")

        with psycopg.connect(url) as connection:
            # The server is shared with other tests, each in a database of its own.
            ours = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            held = connection.execute(
                f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND {ours}"
            ).fetchone()
    assert held == (0,)


async def test_a_statement_that_takes_too_long_is_no_fault_of_what_was_asked(url: str) -> None:
    async with running_postgres_store(f"{url}?options=-c%20statement_timeout%3D100", rehearse=False) as store:
        with pytest.raises(StoreUnavailable):
            await store.transact(lambda unit: tx_of(unit).run(text("SELECT pg_sleep(60)")), name="sleep")
        with pytest.raises(StoreUnavailable):
            await store.read(lambda tx: tx.run(text("SELECT pg_sleep(60)")))

        await store.transact(put("a", 1), name="put")
        assert await store.read(lambda tx: value(tx, "a")) == 1


async def test_who_waits_too_long_for_a_lock_is_told_to_come_later(url: str) -> None:
    async with running_postgres_store(f"{url}?options=-c%20lock_timeout%3D100", rehearse=False) as store:
        with psycopg.connect(url) as connection:
            connection.execute("LOCK TABLE counters IN EXCLUSIVE MODE")
            with pytest.raises(StoreUnavailable):
                await store.transact(put("a", 1), name="put")

        await store.transact(lambda unit: tx_of(unit).run(delete(counters)), name="delete")


async def test_a_database_of_another_encoding_is_refused() -> None:
    with a_database() as url:
        name = f"{url.rpartition('/')[2]}_ascii"
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII'")
            try:
                with pytest.raises(Misconfigured, match="server_encoding=SQL_ASCII"):
                    async with running_postgres_store(f"{url}_ascii"):
                        pass
            finally:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
