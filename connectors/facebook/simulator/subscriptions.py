"""Which fields of a simulated page an app is subscribed to."""

from __future__ import annotations

import hmac
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors._simulator.ledger import Ledger
from connectors.facebook.simulator.options import SimulatorOptions
from connectors.facebook.simulator.refusal import Refusal

# Facts 4.3.
FIELDS: Final = frozenset(
    {
        "messages",
        "message_edits",
        "message_reactions",
        "message_deliveries",
        "message_reads",
        "message_echoes",
        "messaging_postbacks",
        "messaging_referrals",
        "messaging_optins",
        "messaging_handovers",
        "standby",
        "messaging_account_linking",
        "messaging_policy_enforcement",
        "messaging_feedback",
        "response_feedback",
        "send_cart",
        "messenger_template_status_update",
        "feed",
        "mention",
        "leadgen",
        "ratings",
        "live_videos",
    }
)


class Subscriptions:
    """Answers ``/{version}/{page_id}/subscribed_apps``; what the page is subscribed to stands in the ledger."""

    def __init__(self, options: SimulatorOptions, ledger: Ledger) -> None:
        """Join the parts."""
        self._options, self._ledger = options, ledger

    def routes(self) -> list[Route]:
        """Return what is answered here."""
        return [Route("/{version}/{node}/subscribed_apps", self.answer, methods=["GET", "POST", "DELETE"])]

    async def answer(self, request: Request) -> Response:
        """Subscribe, tell, or end the subscription."""
        try:
            self._authorize(request)
            if request.method == "GET":
                return JSONResponse({"data": self._data()})
            fields = await _asked(request) if request.method == "POST" else []
            self._ledger.add("subscribed", fields=sorted(fields))
        except Refusal as refusal:
            return refusal.answer()
        return JSONResponse({"success": True})

    def _authorize(self, request: Request) -> None:
        given = request.headers.get("authorization", "") or f"Bearer {request.query_params.get('access_token', '')}"
        right = f"Bearer {self._options.access_token}"
        if not hmac.compare_digest(given.encode("utf-8", "replace"), right.encode()):
            raise Refusal(190, "Invalid OAuth access token.", status=401)
        if request.path_params["version"] != self._options.api_version:
            raise Refusal(2500, "Unknown path components")
        if request.path_params["node"] not in {self._options.page_id, "me"}:
            raise Refusal(100, "Unsupported request. Object does not exist", subcode=33)

    def _data(self) -> list[dict[str, Any]]:
        found = self._ledger.find(kind="subscribed")
        fields = found[-1]["fields"] if found else []
        if not fields:
            return []
        return [{"id": self._options.app_id, "name": "Hub", "link": "", "subscribed_fields": fields}]


async def _asked(request: Request) -> list[str]:
    asked: object = request.query_params.get("subscribed_fields")
    if asked is None and request.headers.get("content-type", "").startswith("application/json"):
        body = await request.json()
        asked = body.get("subscribed_fields") if isinstance(body, dict) else None
    fields = asked if isinstance(asked, list) else str(asked or "").split(",")
    wrong = [name for name in fields if name not in FIELDS]
    if wrong:
        raise Refusal(100, f"Param subscribed_fields must be one of the documented fields; {wrong} are not.")
    return [str(name) for name in fields]
