"""Lets the next message of a conversation wait until the provider says that the one before was sent."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.engine import Row

from hub.ports import Clock, Store
from hub.store import effects

_MOST: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Spoken:
    effect: str
    until: float


class Confirmations:
    """What was taken last in each conversation of one asset, as far as its word is still worth waiting for.

    A provider that takes messages in order may still send them in another (WhatsApp says so); its word that one was
    sent ends that. A process that begins knows of none, so it waits for none.
    """

    def __init__(self, store: Store, clock: Clock, seconds: float) -> None:
        """Wait at most ``seconds``; none where that is 0."""
        self._store, self._clock, self._seconds = store, clock, seconds
        self._spoken: OrderedDict[str, _Spoken] = OrderedDict()

    def taken(self, row: Row[Any]) -> None:
        """Note that the provider took a message."""
        if self._seconds > 0 and row.kind != effects.SIGN:
            self._spoken[row.key] = _Spoken(row.id, self._clock.monotonic() + self._seconds)
            self._spoken.move_to_end(row.key)
            if len(self._spoken) > _MOST:
                self._spoken.popitem(last=False)

    async def look(self, rows: Iterable[Row[Any]]) -> None:
        """Forget what was confirmed meanwhile, of the conversations that have more to say.

        Raises:
            StoreUnavailable: The database cannot serve.
        """
        now = self._clock.monotonic()
        asked = {}
        for key in {row.key for row in rows} & self._spoken.keys():
            if self._spoken[key].until <= now:
                del self._spoken[key]
            else:
                asked[self._spoken[key].effect] = key
        if not asked:
            return
        still = await self._store.read(lambda tx: effects.still_accepted(tx, asked))
        for effect, key in asked.items():
            if effect not in still and key in self._spoken and self._spoken[key].effect == effect:
                del self._spoken[key]

    def wait_seconds(self, row: Row[Any]) -> float:
        """Return how long a message must wait at most."""
        spoken = self._spoken.get(row.key)
        return 0.0 if spoken is None else max(0.0, spoken.until - self._clock.monotonic())
