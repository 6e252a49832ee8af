"""A Facebook page, played over real HTTP on loopback."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

from connectors._meta.simulated_app import App, SimulatedApp
from connectors._simulator.courier import Courier
from connectors._simulator.faults import FaultPlan
from connectors._simulator.files import Files
from connectors._simulator.ledger import Ledger
from connectors._simulator.phones import Phones
from connectors._simulator.play import Play
from connectors._simulator.surface import Surface, page
from connectors.facebook.product import OBJECT, PERMISSIONS
from connectors.facebook.simulator.control import Control
from connectors.facebook.simulator.faults import Faults
from connectors.facebook.simulator.graph import Graph
from connectors.facebook.simulator.options import SimulatorOptions
from connectors.facebook.simulator.people import psid_of
from connectors.facebook.simulator.subscriptions import FIELDS, Subscriptions
from connectors.facebook.simulator.telling import Teller
from connectors.facebook.simulator.updates import headers, wire

__all__ = ["FacebookSimulator", "SimulatorOptions", "build"]

STATIC: Final = Path(__file__).parent / "static"


class FacebookSimulator(Play):
    """The provider: the Graph API for the hub, a control surface for tests, a phone page for people."""

    _options: SimulatorOptions

    def __init__(self, options: SimulatorOptions) -> None:
        """Join the parts; nothing runs yet."""
        ledger = Ledger(options.ledger_path, options.clock)
        phones, faults = Phones(ledger), FaultPlan(options.randomness, Faults())
        courier = Courier(options, ledger, faults, wire, partial(headers, options))
        teller = Teller(options, ledger, courier, faults)
        files = Files(options, ledger, faults)
        graph = Graph(options, ledger, phones, teller, faults, files)
        surface = Surface(ledger, phones, courier, faults, psid_of)
        subscriptions = Subscriptions(options, ledger)
        control = Control(options, ledger, phones, graph.wall, courier, files)
        app = App(options.app_id, OBJECT, FIELDS, PERMISSIONS, options.access_token, options.api_version)
        webhook = SimulatedApp(app, options, ledger, courier)
        hub_side = [*webhook.routes(), *graph.routes(), *subscriptions.routes(), *files.routes()]
        routes = [*page(STATIC), *surface.routes(), *control.routes(), *hub_side]
        super().__init__(options, ledger, courier, routes, teller.resume)


def build(options: SimulatorOptions) -> FacebookSimulator:
    """Return a simulator that does nothing yet."""
    return FacebookSimulator(options)
