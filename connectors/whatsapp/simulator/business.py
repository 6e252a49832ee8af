"""The business account of a simulated WhatsApp: which apps it is subscribed to, how its number is."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors._simulator.ledger import Ledger
from connectors.whatsapp.simulator.access import authorize
from connectors.whatsapp.simulator.options import SimulatorOptions
from connectors.whatsapp.simulator.refusal import Refusal

APP_ID: Final = "456780000000005"
ANOTHER: Final = "999990000000009"
"""An app of another vendor, which is subscribed from the start."""


class Business:
    """Answers ``/{account}/subscribed_apps`` with ``/{number}``; ``POST /control/number`` changes the latter."""

    def __init__(self, options: SimulatorOptions, ledger: Ledger) -> None:
        """Join the parts."""
        self._options, self._ledger = options, ledger

    def routes(self) -> list[Route]:
        """Return what is answered here; put before routes that take any path."""
        account, number = self._options.business_account_id, self._options.phone_number_id
        return [
            Route("/control/number", self.change, methods=["POST"]),
            Route(f"/{{version}}/{account}/subscribed_apps", self.apps, methods=["GET", "POST", "DELETE"]),
            Route(f"/{{version}}/{number}", self.number),
        ]

    async def change(self, request: Request) -> Response:
        """Tell something else of the number from now on, e.g. ``{"quality_rating": "RED"}``."""
        return JSONResponse(self._ledger.add("number", **await request.json()))

    async def apps(self, request: Request) -> Response:
        """Subscribe, tell, or end the subscription."""
        try:
            authorize(self._options, request)
        except Refusal as refusal:
            return refusal.answer()
        if request.method != "GET":
            self._ledger.add("subscribed", ours=request.method == "POST")
            return JSONResponse({"success": True})
        told = self._ledger.find(kind="subscribed")
        ids = [ANOTHER, *([APP_ID] if told and told[-1]["ours"] else [])]
        return JSONResponse({"data": [{"whatsapp_business_api_data": {"id": one, "name": "app"}} for one in ids]})

    async def number(self, request: Request) -> Response:
        """Tell how the number is."""
        try:
            authorize(self._options, request)
        except Refusal as refusal:
            return refusal.answer()
        now: dict[str, Any] = {"status": "CONNECTED", "quality_rating": "GREEN"}
        for entry in self._ledger.find(kind="number"):
            now |= entry
        shown = {name: now[name] for name in ("status", "quality_rating")}
        return JSONResponse({"id": self._options.phone_number_id, **shown})
