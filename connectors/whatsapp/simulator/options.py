"""How a simulated WhatsApp is set up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from connectors._simulator.options import PlayOptions


@dataclass(frozen=True, kw_only=True)
class SimulatorOptions(PlayOptions):
    """The wiring of one simulated number.

    Attributes:
        statuses: What becomes of each message taken, with the pause before each; empty sends none.
        windows: Whose free-form windows are kept: everybody's, of those who wrote through this simulator, nobody's.
    """

    access_token: str = field(repr=False)
    port: int = 8322
    phone_number_id: str = "223450000000002"
    display_phone_number: str = "525541234567"
    business_account_id: str = "123450000000001"
    api_version: str = "v26.0"
    windows: Literal["strict", "known", "off"] = "known"
    statuses: tuple[tuple[str, float], ...] = (("sent", 0.02), ("delivered", 0.1), ("read", 0.5))
