"""Checks the hub's webhook address as Meta does before it sends anything there."""

from __future__ import annotations

from typing import Any, Final

from connectors._simulator.courier import Courier
from connectors._simulator.options import PlayOptions

_OK: Final = 200


async def check_address(courier: Courier, options: PlayOptions) -> dict[str, Any]:
    """Ask for the challenge back; return the status with whether it came."""
    challenge = options.randomness.token()
    query = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": options.verify_token}
    status, body = await courier.ask(query)
    return {"status": status, "verified": status == _OK and body == challenge}
