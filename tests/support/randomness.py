"""Randomness that a seed repeats."""

from __future__ import annotations

import random


class SeededRandomness:
    """Implements ``hub.ports.Randomness``; the same seed gives the same values."""

    def __init__(self, seed: int = 0) -> None:
        """Begin the sequence of a seed."""
        self._random = random.Random(seed)

    def token(self) -> str:
        """Return the next 128 bits as hex."""
        return f"{self._random.getrandbits(128):032x}"

    def uniform(self, low: float, high: float) -> float:
        """Return the next number between the bounds."""
        return self._random.uniform(low, high)
