"""Records the results of calls; those that come while others are being recorded ride together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy.engine import Row

from hub.contracts import Outcome, Unclear
from hub.errors import StoreConflict, StoreUnavailable
from hub.pipeline.effects import settle
from hub.ports import Store
from hub.settings import Waits
from hub.telemetry import logger

log = logger("effects")

_AT_ONCE: Final = 64


class _Result(NamedTuple):
    row: Row[Any]
    outcome: Outcome
    done: asyncio.Future[None]


class Results:
    """Gives each result its transaction, or a share of one."""

    def __init__(self, store: Store, waits: Waits) -> None:
        """Hold nothing yet."""
        self._store = store
        self._waits = waits
        self._waiting: list[_Result] = []
        self._writing: asyncio.Task[None] | None = None

    async def record(self, row: Row[Any], outcome: Outcome) -> None:
        """Record a result, however long the database is away: a result that is lost is a doubt."""
        result = _Result(row, outcome, asyncio.get_running_loop().create_future())
        self._waiting.append(result)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write(), name="effect-results")
        await result.done

    def abandon(self) -> None:
        """Record nothing more."""
        if self._writing is not None:
            self._writing.cancel()

    async def _write(self) -> None:
        while self._waiting:
            some, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
            try:
                await self._keep(some)
            finally:
                for one in some:
                    if not one.done.done():
                        one.done.set_result(None)

    async def _keep(self, some: Sequence[_Result]) -> None:
        while True:
            try:
                await self._store.transact(self._change(some), name="effects.settle")
            except StoreConflict:
                if len(some) == 1:
                    await asyncio.sleep(self._waits.store_retry_seconds)
                    continue
            except StoreUnavailable:
                await asyncio.sleep(self._waits.store_retry_seconds)
                continue
            except Exception as error:  # noqa: BLE001 - our bug; "sending" would hold the conversation until the next start
                if len(some) == 1:
                    some = [_unclear(some[0], error)]
                    continue
            else:
                return
            # Each alone: one of them met somebody else, or cannot be recorded.
            for one in some:
                await self._keep([one])
            return

    def _change(self, some: Sequence[_Result]) -> settle.Change:
        return settle.outcomes([(one.row, one.outcome) for one in some], self._waits)


def _unclear(result: _Result, error: Exception) -> _Result:
    log.error("a result could not be recorded", effect=result.row.id, error=type(error).__name__)
    return result._replace(outcome=Unclear(f"the result could not be recorded: {type(error).__name__}"))
