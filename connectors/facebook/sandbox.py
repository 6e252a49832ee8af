"""Sets a simulated Facebook page up for the sandbox."""

from __future__ import annotations

from typing import Any, Final

from connectors._simulator.play import options_at
from connectors.facebook.simulator import SimulatorOptions, build
from hub.contracts import Sandboxed, SandboxPlace

APP: Final = "sandbox"
LEDGER: Final = "facebook.jsonl"


def play(place: SandboxPlace, **instead: Any) -> Sandboxed:
    """Return the simulator with the settings by which the hub finds it; ``instead`` replaces some of its options."""
    given = options_at(place, "facebook", opens="page", app=APP, ledger=LEDGER)
    options = SimulatorOptions(**(given | instead))
    prefix = f"HUB_FACEBOOK__{APP.upper()}__"
    environment = {
        "APP_SECRET": options.app_secret.decode(),
        "VERIFY_TOKEN": options.verify_token,
        "GRAPH_URL": f"http://{options.host}:{options.port}",
        "API_VERSION": options.api_version,
        "PAGES__SOPORTE__ID": options.page_id,
        "PAGES__SOPORTE__ACCESS_TOKEN": options.access_token,
    }
    page = f"http://{options.host}:{options.port}/"
    return Sandboxed(build(options), {prefix + name: value for name, value in environment.items()}, (page,))
