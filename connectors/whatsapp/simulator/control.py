"""What scripts or people tell a simulated WhatsApp to do."""

from __future__ import annotations

import json
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.whatsapp.simulator.courier import Courier
from connectors.whatsapp.simulator.faults import FaultPlan, Faults
from connectors.whatsapp.simulator.ledger import Ledger
from connectors.whatsapp.simulator.options import SimulatorOptions
from connectors.whatsapp.simulator.phones import Phones, phone_key
from connectors.whatsapp.simulator.updates import Update, message_update, timestamp

MAX_WAIT_SECONDS: Final = 60.0


class Say(BaseModel):
    """Something that a customer says.

    Attributes:
        sender: ``from``: a phone in any spelling, or a user id such as ``MX.135…``.
        id: The provider's message id; a fresh one when absent, the same again makes a duplicate.
        times: How often the webhook is sent.
        content: Fields of the raw message for kinds other than text, e.g. ``{"image": {…}}``.
        timestamp: Seconds since 1970 when it was said, if not now.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    sender: str = Field(alias="from", min_length=1, max_length=160)
    text: str | None = None
    name: str | None = None
    id: str | None = Field(default=None, min_length=1, max_length=512)
    times: int = Field(default=1, ge=1, le=1000)
    type: str = "text"
    content: dict[str, Any] = {}
    timestamp: int | None = None


_SAYINGS: Final[TypeAdapter[list[Say]]] = TypeAdapter(list[Say])


class Control:
    """The surface under ``/control``."""

    def __init__(
        self, options: SimulatorOptions, ledger: Ledger, phones: Phones, courier: Courier, faults: FaultPlan
    ) -> None:
        """Join the parts."""
        self._options, self._ledger, self._phones = options, ledger, phones
        self._courier, self._faults = courier, faults

    def routes(self) -> list[Route]:
        """Return what is answered here."""
        return [
            Route("/control/say", self.say, methods=["POST"]),
            Route("/control/send", self.send, methods=["POST"]),
            Route("/control/verify", self.verify, methods=["POST"]),
            Route("/control/phones", self.phones),
            Route("/control/phones/{number}", self.phone),
            Route("/control/faults", self.set_faults, methods=["POST"]),
            Route("/control/faults", self.show_faults),
            Route("/control/faults", self.clear_faults, methods=["DELETE"]),
            Route("/control/ledger", self.ledger),
        ]

    async def say(self, request: Request) -> Response:
        """Send what a customer says; a list of sayings goes as one webhook."""
        try:
            given = json.loads(await request.body())
            sayings = _SAYINGS.validate_python(given if isinstance(given, list) else [given])
        except ValueError as error:
            return _refuse(error)
        if not sayings:
            return _refuse(ValueError("nothing is said"))
        updates = [self._said(saying) for saying in sayings]
        if isinstance(given, list) or sayings[0].times > 1:
            self._courier.post_together(updates, times=max(saying.times for saying in sayings))
        else:
            self._courier.post(updates[0])
        phone = updates[-1].phone
        return JSONResponse(
            {"ids": [update.about[0][0] for update in updates], "phone": phone, "after": self._phones.last(phone)}
        )

    async def send(self, request: Request) -> Response:
        """Sign the request's bytes as they are, then send them as a webhook."""
        webhook = self._courier.post_body(await request.body(), [])
        return JSONResponse({"webhook": webhook})

    async def verify(self, _: Request) -> Response:
        """Make Meta's check of the hub's address."""
        return JSONResponse(await self._courier.check_address())

    async def phones(self, _: Request) -> Response:
        """List the phones."""
        return JSONResponse({"phones": self._phones.numbers()})

    async def phone(self, request: Request) -> Response:
        """Show a phone's lines behind ``after``, waiting up to ``wait_seconds`` for one."""
        phone = phone_key(request.path_params["number"])
        query = request.query_params
        try:
            after, wait = int(query.get("after", "0")), float(query.get("wait_seconds", "0"))
        except ValueError as error:
            return _refuse(error)
        direction = None if query.get("direction") == "all" else "received"
        lines = await self._phones.wait(
            phone, after=after, direction=direction, wait_seconds=min(max(wait, 0.001), MAX_WAIT_SECONDS)
        )
        return JSONResponse({"phone": phone, "messages": lines, "last": self._phones.last(phone)})

    async def set_faults(self, request: Request) -> Response:
        """Put faults in force, instead of those before."""
        try:
            self._faults.current = Faults.model_validate_json(await request.body())
        except ValidationError as error:
            return _refuse(error)
        self._ledger.add("faults", **self._faults.current.model_dump(mode="json"))
        return await self.show_faults(request)

    async def show_faults(self, _: Request) -> Response:
        """Show what is in force."""
        return JSONResponse(self._faults.current.model_dump(mode="json"))

    async def clear_faults(self, request: Request) -> Response:
        """Behave well again."""
        self._faults.current = Faults()
        self._ledger.add("faults")
        return await self.show_faults(request)

    async def ledger(self, request: Request) -> Response:
        """Show what happened, behind ``after``, where the fields named in the query are as given."""
        wanted = dict(request.query_params)
        try:
            after = int(wanted.pop("after", "0"))
        except ValueError as error:
            return _refuse(error)
        entries = self._ledger.find(after=max(after, 0), **wanted)
        # Bodies that are no UTF-8 stand in the ledger with lone surrogates, which only escaped JSON can carry.
        shown = json.dumps({"entries": entries, "last": len(self._ledger.entries)})
        return Response(shown, media_type="application/json")

    def _said(self, saying: Say) -> Update:
        phone = phone_key(saying.sender)
        message: dict[str, Any] = {
            "id": saying.id or "wamid.HBgL" + self._options.randomness.token().upper(),
            "timestamp": timestamp(self._options) if saying.timestamp is None else str(saying.timestamp),
            "type": saying.type,
        }
        if saying.text is not None:
            message["text"] = {"body": saying.text}
        update = message_update(self._options, phone, saying.name, message | saying.content)
        shown = saying.text if saying.text is not None else f"[{saying.type}]"
        self._phones.note(self._ledger.add("said", phone=phone, id=message["id"], type=saying.type, text=shown))
        return update


def _refuse(error: ValueError) -> JSONResponse:
    if isinstance(error, ValidationError):
        problems = [
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors(include_input=False)
        ]
    else:
        problems = [str(error)]
    return JSONResponse({"problems": problems}, status_code=400)
