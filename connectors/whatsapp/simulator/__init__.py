"""WhatsApp, played over real HTTP on loopback."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

from starlette.routing import Route

from connectors._meta.simulated_app import App, SimulatedApp
from connectors._simulator.courier import Courier
from connectors._simulator.faults import FaultPlan
from connectors._simulator.ledger import Ledger
from connectors._simulator.phones import Phones
from connectors._simulator.play import Play
from connectors._simulator.surface import Surface, page
from connectors.whatsapp.product import FIELDS, OBJECT, PERMISSIONS
from connectors.whatsapp.simulator.business import APP_ID, Business
from connectors.whatsapp.simulator.control import Control
from connectors.whatsapp.simulator.faults import Faults
from connectors.whatsapp.simulator.graph import Graph
from connectors.whatsapp.simulator.media import Media
from connectors.whatsapp.simulator.options import SimulatorOptions
from connectors.whatsapp.simulator.phones import phone_key
from connectors.whatsapp.simulator.updates import headers, wire

__all__ = ["SimulatorOptions", "WhatsAppSimulator", "build"]

STATIC: Final = Path(__file__).parent / "static"


class WhatsAppSimulator(Play):
    """The provider: the Graph API for the hub, a control surface for tests, a phone page for people."""

    _options: SimulatorOptions

    def __init__(self, options: SimulatorOptions) -> None:
        """Join the parts; nothing runs yet."""
        ledger = Ledger(options.ledger_path, options.clock)
        phones, faults = Phones(ledger), FaultPlan(options.randomness, Faults())
        courier = Courier(options, ledger, faults, partial(wire, options), partial(headers, options))
        media = Media(options, ledger, faults)
        graph = Graph(options, ledger, phones, courier, faults, media)
        surface = Surface(ledger, phones, courier, faults, phone_key)
        messages = Route("/{version}/{number}/messages", graph.messages, methods=["POST"])
        control = Control(options, ledger, phones, courier, graph.windows, media)
        business = Business(options, ledger)
        app = App(APP_ID, OBJECT, FIELDS, PERMISSIONS, options.access_token, options.api_version)
        subscriptions = SimulatedApp(app, options, ledger, courier)
        hub_side = [
            messages,
            *subscriptions.routes(),
            *business.routes(),
            *graph.catalogue.routes(),
            *media.routes(),
        ]
        routes = [*page(STATIC), *surface.routes(), *control.routes(), *hub_side]
        super().__init__(options, ledger, courier, routes, graph.resume)


def build(options: SimulatorOptions) -> WhatsAppSimulator:
    """Return a simulator that does nothing yet."""
    return WhatsAppSimulator(options)
