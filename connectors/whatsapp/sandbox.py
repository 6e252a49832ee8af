"""Sets a simulated WhatsApp up for the sandbox."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from connectors._simulator.ports import Ports
from connectors.whatsapp.simulator import SimulatorOptions, build
from hub.contracts import Sandboxed, SandboxPlace

APP: Final = "sandbox"
LEDGER: Final = "whatsapp.jsonl"


def play(place: SandboxPlace, **instead: Any) -> Sandboxed:
    """Return the simulator with the settings by which the hub finds it; ``instead`` replaces some of its options."""
    ports = Ports(place)
    app_secret, verify, access = (place.secret(f"whatsapp-{name}") for name in ("app", "verify", "access"))
    options = SimulatorOptions(
        webhook_url=f"{place.webhooks}/whatsapp/{APP}",
        app_secret=app_secret.encode(),
        verify_token=verify,
        access_token=access,
        clock=ports,
        randomness=ports,
        port=place.port,
        ledger_path=place.directory / LEDGER,
    )
    options = replace(options, **instead)
    prefix = f"HUB_WHATSAPP__{APP.upper()}__"
    environment = {
        "APP_SECRET": app_secret,
        "ACCESS_TOKEN": access,
        "VERIFY_TOKEN": verify,
        "GRAPH_URL": f"http://{options.host}:{options.port}",
        "API_VERSION": options.api_version,
        "NUMBERS__SOPORTE": options.phone_number_id,
        "ACCOUNT": options.business_account_id,
    }
    page = f"http://{options.host}:{options.port}/"
    return Sandboxed(build(options), {prefix + name: value for name, value in environment.items()}, (page,))
