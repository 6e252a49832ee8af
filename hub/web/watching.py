"""Looks at the hub in the background: gauges every few seconds, the whole account every minute."""

from __future__ import annotations

import asyncio
from typing import Final

from hub import observation
from hub.errors import JournalUnavailable, StoreUnavailable
from hub.observation import Waiting
from hub.pipeline.journal import JournalReader
from hub.ports import Clock, Store
from hub.services.balance import Balance
from hub.telemetry import logger

log = logger("watch")

LOOK_SECONDS: Final = 5.0
FRESH_SECONDS: Final = 1.0
BALANCE_SECONDS: Final = 60.0
_BALANCE_SHARE: Final = 100
"""The account goes over the whole log; it may take a hundredth of one reader's time."""
_LOOK_SHARE: Final = 50
"""A look counts what waits; behind a backlog every process of the hub does, so each takes a fiftieth at most."""


class Watcher:
    """What was last seen.

    Attributes:
        balance: The whole account, None before the first.
    """

    def __init__(self, store: Store, reader: JournalReader, clock: Clock) -> None:
        """Look at ``store`` with the journal behind ``reader``."""
        self.balance: Balance | None = None
        self._store = store
        self._reader = reader
        self._clock = clock
        self._waiting: Waiting | None = None
        self._looked_at = float("-inf")
        self._balance_at = float("-inf")

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            began = self._clock.monotonic()
            took = 0.0
            try:
                await self._look()
                took = self._clock.monotonic() - began
                if self._clock.monotonic() >= self._balance_at:
                    await self._account()
            except (StoreUnavailable, JournalUnavailable) as error:
                log.warning("the hub cannot look at itself now", error=str(error))
            await asyncio.sleep(min(max(LOOK_SECONDS, took * _LOOK_SHARE), BALANCE_SECONDS))

    async def waiting(self) -> Waiting:
        """Return what waits, at most a second old.

        Raises:
            StoreUnavailable: The database cannot serve now.
        """
        if self._waiting is None or self._clock.monotonic() - self._looked_at > FRESH_SECONDS:
            return await self._look()
        return self._waiting

    async def _look(self) -> Waiting:
        self._waiting = await observation.show(self._store, self._reader, self._clock)
        self._looked_at = self._clock.monotonic()
        return self._waiting

    async def _account(self) -> None:
        began = self._clock.monotonic()
        was_broken = self.balance is not None and bool(self.balance.broken)
        self.balance = await observation.balance(self._store, self._reader)
        now = self._clock.monotonic()
        self._balance_at = now + max(BALANCE_SECONDS, (now - began) * _BALANCE_SHARE)
        if self.balance.broken and not was_broken:
            log.error("the account does not add up", broken=self.balance.broken)
