"""The part of a simulator's control surface that no provider changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from connectors._simulator.courier import Courier
from connectors._simulator.faults import FaultPlan
from connectors._simulator.ledger import Ledger
from connectors._simulator.phones import Phones

MAX_WAIT_SECONDS: Final = 60.0
_SHARED: Final = Path(__file__).parent / "static"
_TYPES: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}


class Surface:
    """Shows phones with ledger, takes orders to misbehave, signs any bytes."""

    def __init__(
        self, ledger: Ledger, phones: Phones, courier: Courier, faults: FaultPlan[Any], phone_key: Callable[[str], str]
    ) -> None:
        """Join the parts; ``phone_key`` returns how a customer's phone is called in the ledger."""
        self._ledger, self._phones, self._courier, self._faults = ledger, phones, courier, faults
        self._phone_key = phone_key

    def routes(self) -> list[Route]:
        """Return what is answered here."""
        return [
            Route("/control/send", self.send, methods=["POST"]),
            Route("/control/phones", self.phones),
            Route("/control/phones/{number}", self.phone),
            Route("/control/faults", self.set_faults, methods=["POST"]),
            Route("/control/faults", self.show_faults),
            Route("/control/faults", self.clear_faults, methods=["DELETE"]),
            Route("/control/ledger", self.ledger),
        ]

    async def send(self, request: Request) -> Response:
        """Sign the request's bytes as they are, then send them as a webhook."""
        return JSONResponse({"webhook": self._courier.post_body(await request.body())})

    async def phones(self, _: Request) -> Response:
        """List the phones."""
        return JSONResponse({"phones": self._phones.numbers()})

    async def phone(self, request: Request) -> Response:
        """Show a phone's lines behind ``after``, waiting up to ``wait_seconds`` for one."""
        phone = self._phone_key(request.path_params["number"])
        query = request.query_params
        try:
            after, wait = int(query.get("after", "0")), float(query.get("wait_seconds", "0"))
        except ValueError as error:
            return refuse(error)
        direction = None if query.get("direction") == "all" else "received"
        lines = await self._phones.wait(
            phone, after=after, direction=direction, wait_seconds=min(max(wait, 0.001), MAX_WAIT_SECONDS)
        )
        return JSONResponse({"phone": phone, "messages": lines, "last": self._phones.last(phone)})

    async def set_faults(self, request: Request) -> Response:
        """Put faults in force, instead of those before."""
        try:
            self._faults.order(await request.body())
        except ValidationError as error:
            return refuse(error)
        self._ledger.add("faults", **self._faults.current.model_dump(mode="json"))
        return await self.show_faults(request)

    async def show_faults(self, _: Request) -> Response:
        """Show what is in force."""
        return JSONResponse(self._faults.current.model_dump(mode="json"))

    async def clear_faults(self, request: Request) -> Response:
        """Behave well again."""
        self._faults.clear()
        self._ledger.add("faults")
        return await self.show_faults(request)

    async def ledger(self, request: Request) -> Response:
        """Show what happened, behind ``after``, where the fields named in the query are as given."""
        wanted = dict(request.query_params)
        try:
            after = int(wanted.pop("after", "0"))
        except ValueError as error:
            return refuse(error)
        entries = self._ledger.find(after=max(after, 0), **wanted)
        # Bodies that are no UTF-8 stand in the ledger with lone surrogates, which only escaped JSON can carry.
        shown = json.dumps({"entries": entries, "last": len(self._ledger.entries)})
        return Response(shown, media_type="application/json")


def page(static: Path) -> list[Route]:
    """Return the phone page of a provider's folder with its parts.

    Addresses in it are relative, so that it can stand under any path; looks with script are everybody's.
    """
    known = {path.name: path for folder in (_SHARED, static) for path in folder.iterdir() if path.suffix in _TYPES}

    async def shown(request: Request) -> Response:
        path = known.get(request.path_params.get("name", "phone.html"))
        if path is None:
            return Response(status_code=404)
        return FileResponse(path, media_type=f"{_TYPES[path.suffix]}; charset=utf-8")

    return [Route("/", shown), Route("/static/{name}", shown)]


def refuse(error: ValueError) -> JSONResponse:
    """Answer a wrong order with what is wrong about it."""
    if isinstance(error, ValidationError):
        problems = [
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors(include_input=False)
        ]
    else:
        problems = [str(error)]
    return JSONResponse({"problems": problems}, status_code=400)
