"""The clock that a simulator reads, which is its source of randomness, too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hub.contracts import SandboxPlace


@dataclass(frozen=True)
class Ports:
    """What a place in the sandbox gives, by the names that simulators ask for."""

    place: SandboxPlace

    def now(self) -> datetime:
        """Return the instant."""
        return self.place.now()

    def token(self) -> str:
        """Return fresh hex digits."""
        return self.place.token()

    def uniform(self, low: float, high: float) -> float:
        """Return a random number between two bounds."""
        return self.place.uniform(low, high)
