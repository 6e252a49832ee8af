"""Two processes of one group on PostgreSQL: one is killed, one freezes; nothing is lost, twice, out of order."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import select

from hub.bus.kafka.publisher import KafkaPublisher
from hub.pipeline.relay import Relay
from hub.store import locks
from hub.store.postgres import PostgresStore
from hub.store.tables import dead_letters
from hub.store.transaction import KEY, Origin, UnitOfWork
from hub.system import SystemClock
from tests.contracts.event_bus.ledger import asked, written
from tests.features.catalogue import ROOT
from tests.kafka.group_member import WAITS
from tests.kafka.subscriber import EVERY
from tests.kafka.test_topics import settings_of
from tests.support.hub_process import die_with_us
from tests.support.kafka import KafkaPlace
from tests.support.postgres import a_database, running_postgres_store

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.xdist_group("scale")]

PARTITIONS = 4
KEYS = [f"key-{number}" for number in range(12)]
SECONDS = 60.0


@dataclass
class Group:
    """The processes of a group by name, the database that they share."""

    store: PostgresStore
    url: str
    kafka: KafkaPlace
    folder: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    said: dict[str, int] = field(default_factory=dict)

    def start(self, name: str) -> None:
        """Begin a life of a process."""
        wanted = {"database": self.url, "kafka": self.kafka.address, "prefix": self.kafka.prefix}
        command = [sys.executable, "-m", "tests.kafka.group_member", json.dumps({**wanted, "folder": str(self.folder)})]
        with self._out(name).open("ab") as out, self._out(f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command,
                stdout=out,
                stderr=log,
                cwd=ROOT,
                preexec_fn=die_with_us,  # noqa: PLW1509 - it asks the kernel for one thing
            )

    def lines(self, name: str) -> list[str]:
        """Return what all lives of a process told."""
        return self._out(name).read_text().splitlines()

    def share(self, name: str) -> int:
        """Return how many partitions a process has."""
        return next((int(line.split()[1]) for line in reversed(self.lines(name)) if line.startswith("owns")), 0)

    def has_told(self, line: str) -> str | None:
        """Return the process that told a line."""
        return next((name for name in self.processes if line in self.lines(name)), None)

    async def say(self, keys: Iterable[str], count: int) -> None:
        """State so many further events of each key, the keys in turn, each round in a transaction of its own."""
        every = list(keys)
        for _ in range(count):
            await self.say_at_once(every, 1)

    async def say_at_once(self, keys: Iterable[str], count: int) -> None:
        """State so many further events of each key in one transaction: nobody handles one before all are stated."""
        more = [(key, self.said.get(key, 0) + number) for number in range(1, count + 1) for key in keys]
        self.said.update(more)
        said = sum(self.said.values())

        def work(unit: UnitOfWork) -> None:
            tx = unit.begin(Origin(f"say-{said}", "test", "test"))
            for key, number in more:
                tx.state(asked(number), key=key)

        await self.store.transact(work, name="test.say")

    async def until_written(self, keys: Iterable[str] = ()) -> None:
        """Return once everything that was said of these keys, or of all, is written; exactly, in order."""
        wanted = {key: list(range(1, self.said[key] + 1)) for key in (list(keys) or self.said)}

        async def look() -> bool:
            found = await self.store.read(written)
            return all(len(found.get(key, [])) >= len(numbers) for key, numbers in wanted.items())

        await until(look, "everything is written")
        found = await self.store.read(written)
        assert {key: found[key] for key in wanted} == wanted

    async def until_shared(self, *names: str) -> None:
        """Return once these, nobody else, have all partitions, each its part."""

        async def look() -> bool:
            shares = [self.share(name) for name in names]
            return min(shares) > 0 and sum(shares) == PARTITIONS

        await until(look, f"{names} share the partitions")

    def end(self) -> None:
        """End every process at once."""
        for process in self.processes.values():
            process.kill()
            process.wait()

    def _out(self, name: str) -> Path:
        return self.folder / f"{name}.out"


async def until(condition: Callable[[], Any], what: str) -> None:
    """Return when a condition holds.

    Raises:
        TimeoutError: It did not in time.
    """
    try:
        async with asyncio.timeout(SECONDS):
            while not await condition():  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(what) from None


@pytest.fixture
async def group(kafka: KafkaPlace, tmp_path: Path) -> AsyncIterator[Group]:
    await kafka.make(*EVERY, partitions=PARTITIONS)
    with a_database() as plain:
        # A session that stands still in its transaction ends when the test says so.
        url = f"{plain}?options=-c%20idle_in_transaction_session_timeout%3D0"
        async with running_postgres_store(url, rehearse=False, look_seconds=0.2) as store:
            relay = Relay(
                store, KafkaPublisher(settings_of(kafka), seconds=20), SystemClock(), WAITS, holder="the relay"
            )
            task = asyncio.create_task(relay.run())
            found = Group(store, url, kafka, tmp_path)
            try:
                yield found
            finally:
                found.end()
                await relay.stop(task)


@pytest.mark.feature("OP-04")
async def test_one_is_killed_one_freezes_with_a_key_in_hand(group: Group) -> None:
    group.start("one")
    group.start("two")
    await group.until_shared("one", "two")
    await group.say(KEYS, 5)
    await group.until_written()
    assert all(any(line.startswith("key-") for line in group.lines(name)) for name in ("one", "two")), "both work"

    # The first that has it in hand dies in the middle of its transaction.
    await group.say([*KEYS, "kill"], 6)
    await group.until_written()
    killed = group.has_told("kills")
    assert killed is not None
    assert group.processes[killed].wait(SECONDS) == -signal.SIGKILL
    group.start(killed)
    await group.until_shared("one", "two")

    # The next stands still with a key in hand; everybody else's keys go on, its own waits.
    await group.say_at_once(["freeze"], 6)
    await until(_told(group, "freezes"), "one is frozen")
    frozen = group.has_told("freezes")
    assert frozen is not None
    await group.say(KEYS, 6)
    await group.until_written(KEYS)
    assert (await group.store.read(written)).get("freeze", []) in ([], [1], [1, 2])
    assert _end_the_session(group.url) == 1, "all that while it had the key in hand"
    await group.until_written()

    # When it goes on its session is gone, its partitions are others', its work is done.
    group.processes[frozen].send_signal(signal.SIGCONT)
    await group.until_shared("one", "two")
    await group.say([*KEYS, "kill", "freeze"], 5)
    await group.until_written()
    for process in group.processes.values():
        process.terminate()
    assert [process.wait(SECONDS) for process in group.processes.values()] == [0, 0]

    await group.until_written()
    assert await group.store.read(lambda tx: tx.all(select(dead_letters))) == []


def _told(group: Group, line: str) -> Callable[[], Any]:
    async def look() -> bool:
        return group.has_told(line) is not None

    return look


def _end_the_session(url: str) -> int:
    """End whoever holds the frozen key, as the server's own time limit would; return how many did."""
    lock = locks.number(KEY, "freeze") & 0xFFFFFFFFFFFFFFFF
    with psycopg.connect(url, autocommit=True) as connection:
        ended = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted"
            " AND classid::bigint = %s AND objid::bigint = %s",
            [lock >> 32, lock & 0xFFFFFFFF],
        ).fetchall()
    return len(ended)
