"""Raises the alarm when effects stand still, whatever it is that holds them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from hub.pipeline.effects.lease import Place
from hub.ports import Clock, Store
from hub.settings import Waits
from hub.store import effects
from hub.telemetry import logger, metrics

log = logger("effects")

UNKNOWN: Final = "unknown"
"""Label of every asset that is not in the settings: its name came with a message, labels must stay few."""

_EVERY_SECONDS: Final = 10.0


class Watch:
    """Looks now and then at the effect of each asset that could have been sent longest ago.

    It does not ask the lanes: one that hangs, has no lease, no route or an open breaker is found all the same.
    """

    def __init__(self, store: Store, clock: Clock, waits: Waits, known: Collection[Place] | None = None) -> None:
        """Prepare; the first look is due at once. Of the metric, assets that are not ``known`` share one label."""
        self._known = None if known is None else frozenset(known)
        self._store = store
        self._clock = clock
        self._alarm_seconds = waits.effect_alarm_seconds
        self._looked_at = float("-inf")
        self._late: frozenset[Place] = frozenset()
        self._shown: set[Place] = set()

    async def look(self) -> None:
        """Show the ages; log each asset once when it becomes late, once when it is no longer.

        Raises:
            StoreUnavailable: The database cannot serve.
        """
        if self._clock.monotonic() - self._looked_at < _EVERY_SECONDS:
            return
        ages = await self._store.read(
            lambda tx: {place: effects.waiting_since(tx, *place) for place in effects.open_assets(tx)}
        )
        self._looked_at = self._clock.monotonic()
        now = self._clock.now()
        late = set()
        oldest: dict[Place, float] = {}
        for place in self._shown | ages.keys():
            since = ages.get(place)
            age = 0.0 if since is None else max(0.0, (now - since).total_seconds())
            label = place if self._known is None or place in self._known else (place[0], UNKNOWN)
            oldest[label] = max(age, oldest.get(label, 0.0))
            if age > self._alarm_seconds:
                late.add(place)
                if place not in self._late:
                    log.error("effects stand still", connector=place[0], asset=place[1], oldest_seconds=int(age))
        for label, age in oldest.items():
            metrics.oldest_effect.labels(*label).set(age)
        for connector, asset in self._late - late:
            log.warning("effects move again", connector=connector, asset=asset)
        self._shown |= ages.keys()
        self._late = frozenset(late)
