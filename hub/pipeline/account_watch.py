"""Asks providers every ten minutes whether they still bring everything, raises alarms when not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from hub.contracts import Account, Checked
from hub.errors import StoreUnavailable
from hub.ports import Clock, Randomness, Store
from hub.services import channels
from hub.store import leases
from hub.store.transaction import Origin, UnitOfWork
from hub.telemetry import logger
from schemas.operations import Severity

log = logger("accounts")

LEASE: Final = "account-watch"
ALERT: Final = "check:"
_SEVERITIES: Final[Mapping[str, Severity]] = {"ok": "info", "warning": "warning", "wrong": "critical"}


class AccountWatch:
    """One process of all asks; whoever has the lease."""

    def __init__(
        self,
        store: Store,
        accounts: Sequence[tuple[str, Account, str | None]],
        clock: Clock,
        randomness: Randomness,
        *,
        seconds: float,
    ) -> None:
        """Watch accounts, each with its connector, its webhook's public address, every so many seconds."""
        self._store, self._clock, self._randomness, self._seconds = store, clock, randomness, seconds
        self._accounts = [one for one in accounts if one[1].is_watched]
        self._holder = randomness.token()

    @property
    def has_work(self) -> bool:
        """Whether the settings of any account say enough to watch it."""
        return bool(self._accounts)

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            try:
                await self.round()
            except StoreUnavailable as error:
                log.warning("the database cannot serve; providers are asked later", error=str(error))
            await asyncio.sleep(self._seconds)

    async def round(self) -> bool:
        """Ask every provider once; False when another process does it.

        Raises:
            StoreUnavailable: The database cannot serve.
        """
        seconds, nobody = self._seconds * 1.5, Origin("", "account-watch", "hub")
        if not await self._store.transact(
            lambda unit: leases.take(unit.begin(nobody), LEASE, self._holder, seconds), name="accounts.lease"
        ):
            return False
        for connector, account, callback in self._accounts:
            try:
                found = await account.check(callback, self._clock.now())
            except Exception as error:  # noqa: BLE001 - a check's bug must not end a hub that answers webhooks
                # No traceback: it could carry a token.
                log.error("a check failed", connector=connector, app=account.app, error=type(error).__name__)  # noqa: TRY400
                continue
            for word in _worst(found):
                await self._store.transact(self._told(connector, account.app, word), name="accounts.told")
        return True

    async def stop(self) -> None:
        """Give back sockets."""
        for _, account, _ in self._accounts:
            await account.close()

    def _told(self, connector: str, app: str, word: Checked) -> Callable[[UnitOfWork], None]:
        origin = Origin(f"{LEASE}:{self._randomness.token()}", "account-watch", "hub")
        explanation = f"{word.what_es} {word.cure_es}".strip()

        def told(unit: UnitOfWork) -> None:
            channels.checked(
                unit.begin(origin), connector, app, ALERT + word.check, _SEVERITIES[word.level], explanation
            )

        return told


def _worst(found: Sequence[Checked]) -> list[Checked]:
    """Return one word on each check: the gravest, with what the others say."""
    order = {"ok": 0, "warning": 1, "wrong": 2}
    words: dict[str, list[Checked]] = {}
    for one in found:
        words.setdefault(one.check, []).append(one)
    merged = []
    for check, several in words.items():
        worst = max(several, key=lambda one: order[one.level])
        said = " ".join(one.what_es for one in several if one.level == worst.level)
        merged.append(Checked(check, worst.level, said, worst.cure_es))
    return merged
