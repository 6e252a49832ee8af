"""Holds one asset for one process at a time."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Final

from hub.pipeline.effects import settle
from hub.pipeline.term import Term
from hub.ports import Clock, Store
from hub.settings import Waits
from hub.store import effects, leases
from hub.store.transaction import UnitOfWork

PREFIX: Final = "asset:"

Place = tuple[str, str]
"""Connector with asset."""


class AssetLease:
    """The right to speak through an asset, renewed while it is used.

    Whoever takes it from a holder that went away doubts what that one was sending.
    """

    def __init__(
        self, store: Store, clock: Clock, waits: Waits, place: Place, *, holder: str, deadline_seconds: float
    ) -> None:
        """Prepare; no call through the asset takes longer than ``deadline_seconds``."""
        self._store = store
        self._clock = clock
        self._waits = waits
        self._place = place
        self._holder = holder
        self._name = f"{PREFIX}{place[0]}:{place[1]}"
        self._deadline_seconds = deadline_seconds
        self._seconds = waits.lease_seconds + deadline_seconds
        self._term = Term(clock)
        self._next_try = float("-inf")

    def covers_call(self) -> bool:
        """Tell whether a call that begins now ends while the lease is still held."""
        left = self._term.left_seconds
        return left > 0 and left >= self._deadline_seconds

    def outlasts_call(self, unit: UnitOfWork) -> bool:
        """Tell the same as the database sees it; a lease that is somebody else's is known as lost from here on."""
        held = leases.outlasts(unit.begin(settle.LONE_ORIGIN), self._name, self._holder, self._deadline_seconds)
        if not held:
            self._term.end()
        return held

    async def hold(self, in_flight: AbstractSet[str]) -> float | None:
        """Hold the asset, renewing in time; return None, or the seconds until it is worth another try.

        Args:
            in_flight: Ids of this process's own calls, which are in nobody's doubt.
        """
        left = self._term.left_seconds
        if left > self._deadline_seconds + self._waits.lease_seconds / 2:
            return None
        wait = self._next_try - self._clock.monotonic()
        if wait > 0:
            return wait
        asked = self._term.ask()

        def take(unit: UnitOfWork) -> bool:
            tx = unit.begin(settle.LONE_ORIGIN)
            taken = leases.take(tx, self._name, self._holder, self._seconds)
            if taken and left <= 0:
                rows = effects.under_way(tx, *self._place)
                settle.lost(unit, [row for row in rows if row.id not in in_flight], self._waits)
            return taken

        if await self._store.transact(take, name="effects.lease"):
            self._term.begin(asked, self._seconds)
            return None
        self._term.end()
        wait = self._waits.lease_seconds / 3
        self._next_try = self._clock.monotonic() + wait
        return wait
