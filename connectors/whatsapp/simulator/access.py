"""Checks what every request to the simulated Graph API has to show."""

from __future__ import annotations

import hmac

from starlette.requests import Request

from connectors._meta.signature import proof
from connectors.whatsapp.simulator.options import SimulatorOptions
from connectors.whatsapp.simulator.refusal import Refusal


def authorize(options: SimulatorOptions, request: Request) -> None:
    """Check token, proof, version.

    Raises:
        Refusal: With the code that Meta gives.
    """
    given = request.headers.get("authorization", "")
    right = f"Bearer {options.access_token}"
    if not hmac.compare_digest(given.encode("utf-8", "replace"), right.encode()):
        raise Refusal(401, 190, "Invalid OAuth access token.")
    shown = request.query_params.get("appsecret_proof")
    if shown is not None and shown != proof(options.app_secret, options.access_token.encode()):
        raise Refusal(400, 100, "Invalid appsecret_proof provided in the API argument")
    if request.path_params["version"] != options.api_version:
        raise Refusal(400, 2500, "Unknown path components")
