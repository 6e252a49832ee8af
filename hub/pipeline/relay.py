"""Tells subscribers elsewhere what was stated here: every event, in order per key, after its commit."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy.engine import Row

from hub.errors import BrokerUnavailable, Misconfigured, Permanent, StoreUnavailable
from hub.pipeline.publication import Unpublishable, copy_of, letter_of
from hub.pipeline.term import Term
from hub.ports import Clock, Commit, Copy, Publisher, Store
from hub.services import dead_letters
from hub.settings import Waits
from hub.store import leases, publications
from hub.store.transaction import Origin, UnitOfWork
from hub.telemetry import logger, metrics
from schemas.operations import DeadLetterAdded

log = logger("relay")

_AT_ONCE: Final = 500
_LEASE: Final = "relay"

# From here on a backlog is news, with its progress; below, it is gone before anybody has read of it.
_BACKLOG: Final = 10_000
_PROGRESS_SECONDS: Final = 10.0


class Relay:
    """Sends what ``published_at IS NULL`` names, by position; marks it after the broker's word.

    One relay is active over all processes, by lease. After a failure everything is sent again from the first
    unacknowledged event of each key, by a new connection.

    Attributes:
        away: Why the broker cannot be reached; None while it can.
    """

    def __init__(self, store: Store, publisher: Publisher, clock: Clock, waits: Waits, *, holder: str) -> None:
        """Listen for commits; ``holder`` is this process's name in leases."""
        self.away: str | None = None
        self._store = store
        self._publisher = publisher
        self._waits = waits
        self._holder = holder
        self._clock = clock
        self._term = Term(clock)
        self._alone_until = 0
        self._looked_at = -math.inf
        self._told_at: float | None = None
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()
        store.on_commit(self._committed)

    async def run(self) -> None:
        """Send until told to stop."""
        try:
            while not self._stopping.is_set():
                self._wake.clear()
                try:
                    await self._turn()
                except StoreUnavailable as error:
                    log.warning("the database cannot serve; the relay waits", error=str(error))
                    await self._pause(self._waits.store_retry_seconds)
        finally:
            await self._publisher.close()
            self._ended.set()

    async def stop(self, task: asyncio.Task[Any]) -> None:
        """Let the batch in hand be acknowledged, not for longer than is set; what is not is sent again at the start."""
        self._stopping.set()
        self._wake.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._waits.publish_stop_seconds):
                await self._ended.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        with contextlib.suppress(StoreUnavailable):
            await self._store.transact(self._give_back, name="relay.lease")

    async def _turn(self) -> None:
        if not await self._leads():
            await self._publisher.close()
            await self._pause(self._waits.lease_seconds / 3)
            return
        limit = 1 if self._alone_until else _AT_ONCE
        rows = await self._store.read(lambda tx: publications.unpublished(tx, limit))
        await self._tell_backlog(is_full=len(rows) == limit)
        if rows and rows[0].position > self._alone_until:
            self._alone_until = 0
        if len(rows) < limit or self.away is not None:
            metrics.unpublished.set((await self._store.read(publications.waiting))[0] if self.away else len(rows))
        if not rows:
            await self._news(self._waits.publish_look_seconds)
        elif await self._connected() and not await self._send(rows):
            # Never go on with a producer that failed once: it may be broken for good, or have sent what follows.
            await self._publisher.close()
            await self._pause(self._waits.publish_retry_seconds)

    async def _tell_backlog(self, *, is_full: bool) -> None:
        """Tell how much is left of what waited for long: all of history, where Kafka is new to an old database."""
        if not is_full:
            if self._told_at is not None:
                log.info("subscribers have what had waited for them")
            self._told_at = None
            return
        now = self._clock.monotonic()
        if self.away is not None or now - self._looked_at < _PROGRESS_SECONDS:
            return
        self._looked_at = now
        left, oldest = await self._store.read(publications.waiting)
        metrics.unpublished.set(left)
        if self._told_at is not None or left >= _BACKLOG:
            self._told_at = now
            log.info("subscribers are sent what waits for them, the oldest first", events=left, since=str(oldest))

    async def _connected(self) -> bool:
        try:
            await self._publisher.open()
        except (BrokerUnavailable, Misconfigured) as error:
            # A password file that is being replaced is no reason to stop the hub: only subscribers wait.
            if self.away is None:
                log.warning("subscribers wait", reason=str(error))
            self.away = str(error)
            await self._pause(self._waits.publish_retry_seconds)
            return False
        if self.away is not None:
            log.warning("Kafka is back; subscribers get what they missed")
        self.away = None
        return True

    async def _send(self, rows: Sequence[Row[Any]]) -> bool:
        """Send some events; False when anything of them has to be sent again."""
        copies: dict[int, Copy] = {}
        failed: dict[int, Exception] = {}
        for row in rows:
            try:
                copies[row.position] = copy_of(row)
            except Unpublishable as error:
                failed[row.position] = error
        answers = zip(copies, await self._answers(list(copies.values())), strict=True)
        failed |= {position: outcome for position, outcome in answers if outcome is not None}
        return await self._settle(rows, failed)

    async def _answers(self, copies: Sequence[Copy]) -> Sequence[Exception | None]:
        """Publish copies while the lease is renewed; without it nothing more is sent."""
        if not copies:
            return ()
        work = asyncio.ensure_future(self._publisher.publish(copies))
        try:
            while not (await asyncio.wait({work}, timeout=self._waits.lease_seconds / 3))[0]:
                if not await self._leads():
                    return [BrokerUnavailable("another process took over")] * len(copies)
            return work.result()
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    async def _settle(self, rows: Sequence[Row[Any]], failed: dict[int, Exception]) -> bool:
        done, buried = _sorted_out(rows, failed)
        # One about a letter would be followed by another; the letter itself stands where people see it.
        letters = [row for row in buried if row.type != DeadLetterAdded.TYPE]

        def settle(unit: UnitOfWork) -> None:
            publications.mark(unit.begin(Origin("", "relay", "hub")), done)
            for row in letters:
                tx = unit.begin(Origin(row.id, "relay", "hub:relay", row.traceparent))
                dead_letters.add(tx, letter_of(row, failed[row.position]))

        await self._surely(settle)
        gone = {row.position for row in buried}
        metrics.published.inc(len(set(done) - gone))
        for row in buried:
            log.error("subscribers will not get an event", event_id=row.id, reason=str(failed[row.position]))
        unclear = [error for position, error in failed.items() if position not in gone]
        if unclear:
            metrics.resent.inc(len(rows) - len(done))
            if any(isinstance(error, Permanent) for error in unclear):
                self._alone_until = rows[-1].position
            log.warning(
                "events are sent again", count=len(rows) - len(done), reasons=sorted(set(map(str, unclear)))[:3]
            )
        return all(isinstance(error, Unpublishable) for error in failed.values())

    async def _surely(self, settle: Any) -> None:
        """Write down what the broker has said, however long the database is away: else it would be sent again."""
        while True:
            try:
                await self._store.transact(settle, name="relay.published")
            except StoreUnavailable:
                await asyncio.sleep(self._waits.store_retry_seconds)
            else:
                return

    async def _leads(self) -> bool:
        """Hold or renew the lease; False while another process is the relay."""
        if self._term.left_seconds > self._waits.lease_seconds / 2:
            return True
        asked = self._term.ask()

        def take(unit: UnitOfWork) -> bool:
            return leases.take(unit.begin(Origin("", "relay", "hub")), _LEASE, self._holder, self._waits.lease_seconds)

        leads = await self._store.transact(take, name="relay.lease")
        if leads:
            self._term.begin(asked, self._waits.lease_seconds)
        else:
            self._term.end()
        metrics.relaying.set(leads)
        return leads

    def _give_back(self, unit: UnitOfWork) -> None:
        leases.give_back(unit.begin(Origin("", "relay", "hub")), _LEASE, self._holder)

    async def _news(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()

    async def _pause(self, seconds: float) -> None:
        """Wait whatever is stated meanwhile: after a failure news are no reason to hurry."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    def _committed(self, commit: Commit) -> None:
        if commit.notices or commit.signals & {"elsewhere", "publications"}:
            self._wake.set()


def _sorted_out(rows: Sequence[Row[Any]], failed: Mapping[int, Exception]) -> tuple[list[int], list[Row[Any]]]:
    """Return the positions that are done with, those of the second list among them, then the events given up on.

    Of each key only what comes before its first failure is done: what was acknowledged behind it goes again after it.
    """
    certain = Permanent if len(rows) == 1 else Unpublishable
    buried = [row for row in rows if isinstance(failed.get(row.position), certain)]
    gone = {row.position for row in buried}
    open_keys: set[str] = set()
    done = []
    for row in rows:
        if row.position in failed and row.position not in gone:
            open_keys.add(row.key)
        elif row.key not in open_keys:
            done.append(row.position)
    return done, buried
