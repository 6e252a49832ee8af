"""How a simulated Facebook page is set up."""

from __future__ import annotations

from dataclasses import dataclass, field

from connectors._simulator.options import PlayOptions


@dataclass(frozen=True, kw_only=True)
class SimulatorOptions(PlayOptions):
    """The wiring of one simulated page.

    Attributes:
        app_id: The hub's own app: echoes of its messages carry it.
        statuses: What is told of each message taken, with the pause before each; empty tells nothing.
        windows_shut: Whether messages outside Messenger's windows are refused, by the simulator's own clock.
    """

    access_token: str = field(repr=False)
    port: int = 8322
    page_id: str = "345670000000003"
    page_name: str = "Exsim"
    app_id: str = "456780000000004"
    api_version: str = "v26.0"
    statuses: tuple[tuple[str, float], ...] = (("echo", 0.02), ("delivery", 0.1), ("read", 0.5))
    windows_shut: bool = True
