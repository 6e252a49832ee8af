"""What scripts or people tell a simulated WhatsApp to do."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors._meta.checking import check_address
from connectors._simulator.courier import Courier, Update
from connectors._simulator.files import Files
from connectors._simulator.ledger import Ledger
from connectors._simulator.phones import Phones
from connectors._simulator.surface import refuse
from connectors.whatsapp.simulator import kinds
from connectors.whatsapp.simulator.options import SimulatorOptions
from connectors.whatsapp.simulator.phones import phone_key
from connectors.whatsapp.simulator.updates import message_update, timestamp
from connectors.whatsapp.simulator.windows import Windows


class Say(BaseModel):
    """Something that a customer says.

    Attributes:
        sender: ``from``: a phone in any spelling, or a user id such as ``MX.135…``.
        id: The provider's message id; a fresh one when absent, the same again makes a duplicate.
        times: How often the webhook is sent.
        content: Fields of the raw message for kinds other than text, e.g. ``{"image": {…}}``.
        timestamp: Seconds since 1970 when it was said, if not now.
        kind: One of ``GET /control/kinds``: everything as it was recorded, with a file that can be fetched.
        about: The message that a reaction, an edit, a deletion or an answer of that kind speaks of.
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
    kind: str | None = None
    about: str | None = None


_SAYINGS: Final[TypeAdapter[list[Say]]] = TypeAdapter(list[Say])


class Control:
    """The part of the surface under ``/control`` that only WhatsApp has."""

    def __init__(
        self,
        options: SimulatorOptions,
        ledger: Ledger,
        phones: Phones,
        courier: Courier,
        windows: Windows,
        media: Files,
    ) -> None:
        """Join the parts."""
        self._media, self._kinds = media, kinds.kinds()
        self._options, self._ledger, self._phones, self._courier = options, ledger, phones, courier
        self._windows = windows

    def routes(self) -> list[Route]:
        """Return what is answered here."""
        return [
            Route("/control/say", self.say, methods=["POST"]),
            Route("/control/verify", self.verify, methods=["POST"]),
            *self._kinds.routes(),
        ]

    async def say(self, request: Request) -> Response:
        """Send what a customer says; a list of sayings goes as one webhook."""
        try:
            given = json.loads(await request.body())
            sayings = _SAYINGS.validate_python(given if isinstance(given, list) else [given])
            sayings = [self._of_kind(saying) for saying in sayings]
        except ValueError as error:
            return refuse(error)
        if not sayings:
            return refuse(ValueError("nothing is said"))
        updates = [self._said(saying) for saying in sayings]
        if isinstance(given, list) or sayings[0].times > 1:
            self._courier.post_together(updates, times=max(saying.times for saying in sayings))
        else:
            self._courier.post(updates[0])
        phone = updates[-1].phone
        return JSONResponse(
            {"ids": [update.about[0][0] for update in updates], "phone": phone, "after": self._phones.last(phone)}
        )

    async def verify(self, _: Request) -> Response:
        """Make Meta's check of the hub's address."""
        return JSONResponse(await check_address(self._courier, self._options))

    def _of_kind(self, saying: Say) -> Say:
        if saying.kind is None:
            return saying
        raw = kinds.completed(self._kinds.get(saying.kind), self._media, saying.about)
        return saying.model_copy(update={"type": raw["type"], "content": raw | saying.content})

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
        said_at = datetime.fromtimestamp(int(message["timestamp"]), UTC).isoformat()
        entry = self._ledger.add("said", phone=phone, id=message["id"], type=saying.type, text=shown, said_at=said_at)
        self._phones.note(entry)
        self._windows.note(entry)
        return update
