"""How fast an asset may speak, how fast to one person."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from hub.contracts import AssetRoute
from hub.ports import Clock

_MOST_PAIRS: Final = 10_000


@dataclass(slots=True)
class TokenBucket:
    """Tokens that refill with time up to a burst."""

    per_second: float
    burst: float
    tokens: float
    at: float

    def wait_seconds(self, now: float) -> float:
        """Return how long until there is a token."""
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.per_second)
        self.at = now
        return 0.0 if self.tokens >= 1 else (1 - self.tokens) / self.per_second

    def take(self, tokens: int = 1) -> None:
        """Use one token, or with -1 give one back."""
        self.tokens -= tokens


class Pacing:
    """The allowance of one asset with those of the people it speaks to."""

    def __init__(self, route: AssetRoute, clock: Clock) -> None:
        """Start with full buckets."""
        self._route = route
        self._clock = clock
        burst = max(1.0, route.per_second)
        self._asset = TokenBucket(route.per_second, burst, burst, clock.monotonic())
        self._pairs: OrderedDict[str, TokenBucket] = OrderedDict()

    def asset_wait_seconds(self) -> float:
        """Return how long the asset must wait for its next message."""
        return self._asset.wait_seconds(self._clock.monotonic())

    def pair_wait_seconds(self, key: str) -> float:
        """Return how long a conversation must wait for its next message."""
        now = self._clock.monotonic()
        return self._pair(key, now).wait_seconds(now) if self._route.pair_interval_seconds else 0.0

    def take(self, key: str, messages: int = 1) -> None:
        """Use up one message to a conversation, or with -1 give back one that was not sent."""
        self._asset.take(messages)
        if self._route.pair_interval_seconds:
            self._pair(key, self._clock.monotonic()).take(messages)

    def _pair(self, key: str, now: float) -> TokenBucket:
        bucket = self._pairs.get(key)
        if bucket is None:
            burst = float(self._route.pair_burst)
            bucket = self._pairs[key] = TokenBucket(1 / self._route.pair_interval_seconds, burst, burst, now)
            if len(self._pairs) > _MOST_PAIRS:
                self._pairs.popitem(last=False)
        self._pairs.move_to_end(key)
        return bucket
