"""The app of a simulated Graph API: its webhook subscription, what its tokens are good for."""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors._meta.checking import check_address
from connectors._meta.signature import proof
from connectors._simulator.courier import Courier
from connectors._simulator.ledger import Ledger
from connectors._simulator.options import PlayOptions

_NEEDED: Final = ("object", "callback_url", "verify_token", "fields")


class Wrong(Exception):
    """A request that Meta answers with an error body."""

    def __init__(self, status: int, code: int, details: str) -> None:
        """Keep what the answer says."""
        super().__init__(details)
        self.status, self.code = status, code

    def answer(self) -> JSONResponse:
        """Return Meta's error body."""
        error = {"message": f"(#{self.code}) {self}", "type": "OAuthException", "code": self.code}
        return JSONResponse({"error": {**error, "fbtrace_id": "A1b2C3"}}, status_code=self.status)


@dataclass(frozen=True)
class App:
    """What the simulated app is; ``fields`` are those that may be subscribed to."""

    id: str
    object: str
    fields: frozenset[str]
    permissions: frozenset[str]
    access_token: str
    api_version: str


class SimulatedApp:
    """Answers ``/{app_id}/subscriptions`` with ``/debug_token``; scripts may take things away.

    ``POST /control/app`` with ``{"valid": false}``, ``{"scopes": […]}``, ``{"expires_at": seconds}``,
    ``{"callback_url": …}``, ``{"fields": […]}`` sets what is told from then on.
    """

    def __init__(self, app: App, options: PlayOptions, ledger: Ledger, courier: Courier) -> None:
        """Join the parts; nothing is subscribed yet, unless an earlier run did."""
        self._app, self._options, self._ledger, self._courier = app, options, ledger, courier

    def routes(self) -> list[Route]:
        """Return what is answered here; put before routes that take any path."""
        return [
            Route("/control/app", self.change, methods=["POST"]),
            Route(f"/{{version}}/{self._app.id}/subscriptions", self.subscriptions, methods=["GET", "POST"]),
            Route("/{version}/debug_token", self.debug_token, methods=["POST"]),
        ]

    async def change(self, request: Request) -> Response:
        """Tell something else from now on."""
        return JSONResponse(self._ledger.add("app", **await request.json()))

    async def subscriptions(self, request: Request) -> Response:
        """Subscribe the app's webhook, or tell to what it is subscribed."""
        try:
            self._authorize(request)
            if request.method == "POST":
                await self._subscribe(await _json(request))
                return JSONResponse({"success": True})
        except Wrong as wrong:
            return wrong.answer()
        now = self._told()
        if "callback_url" not in now:
            return JSONResponse({"data": []})
        fields = [{"name": name, "version": self._app.api_version} for name in now["fields"]]
        ours = {"object": self._app.object, "callback_url": now["callback_url"], "active": True, "fields": fields}
        return JSONResponse({"data": [ours]})

    async def debug_token(self, request: Request) -> Response:
        """Tell what a token is good for."""
        try:
            self._authorize(request)
            asked = await _asked(request)
        except Wrong as wrong:
            return wrong.answer()
        now = self._told()
        is_ours = hmac.compare_digest(asked.get("input_token", ""), self._app.access_token)
        data = {
            "app_id": self._app.id,
            "is_valid": is_ours and now.get("valid", True),
            "expires_at": now.get("expires_at", 0),
            "data_access_expires_at": 0,
            "scopes": now.get("scopes", sorted(self._app.permissions)),
        }
        return JSONResponse({"data": data})

    async def _subscribe(self, asked: dict[str, Any]) -> None:
        missing = [name for name in _NEEDED if not isinstance(asked.get(name), str) or not asked[name]]
        if missing:
            raise Wrong(400, 100, f"The parameter {missing[0]} is required.")
        fields = asked["fields"].split(",")
        unknown = [name for name in fields if name not in self._app.fields]
        if asked["object"] != self._app.object or unknown:
            raise Wrong(400, 100, f"Param fields must be of the documented ones; {unknown} are not.")
        # Meta asks the address itself, with the word that the app gave it.
        verified = asked["callback_url"] == self._options.webhook_url
        verified = verified and asked["verify_token"] == self._options.verify_token
        if not verified or not (await check_address(self._courier, self._options))["verified"]:
            raise Wrong(400, 2200, "Callback verification failed.")
        self._ledger.add("app", callback_url=asked["callback_url"], fields=sorted(fields))

    def _authorize(self, request: Request) -> None:
        token = f"{self._app.id}|{self._options.app_secret.decode()}"
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), f"Bearer {token}".encode()):
            raise Wrong(401, 190, "Invalid OAuth access token.")
        if request.query_params.get("appsecret_proof") not in (None, proof(self._options.app_secret, token.encode())):
            raise Wrong(400, 100, "Invalid appsecret_proof provided in the API argument")
        if request.path_params["version"] != self._app.api_version:
            raise Wrong(400, 2500, "Unknown path components")

    def _told(self) -> dict[str, Any]:
        now: dict[str, Any] = {}
        for entry in self._ledger.find(kind="app"):
            now |= entry
        return now


async def _json(request: Request) -> dict[str, Any]:
    try:
        found = json.loads(await request.body())
    except ValueError:
        raise Wrong(400, 100, "The request is no JSON.") from None
    return found if isinstance(found, dict) else {}


async def _asked(request: Request) -> dict[str, str]:
    """Return the fields of a question that goes as a POST, which it has to say."""
    asked = dict(parse_qsl((await request.body()).decode()))
    if asked.get("method") != "GET" or "input_token" in request.query_params:
        raise Wrong(400, 100, "Unsupported post request.")
    return asked
