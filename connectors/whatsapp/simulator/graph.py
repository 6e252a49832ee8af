"""The part of the Graph API that the hub calls, as strict as the real one."""

from __future__ import annotations

import asyncio
import hmac
import json
import re
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from connectors._meta.signature import proof
from connectors._simulator.courier import Courier
from connectors._simulator.cutting import CutResponse
from connectors._simulator.faults import AnswerFault, FaultPlan
from connectors._simulator.ledger import Ledger
from connectors._simulator.phones import Phones
from connectors.whatsapp.client import MAX_CORRELATION, MAX_TEXT
from connectors.whatsapp.parties import user_id_in
from connectors.whatsapp.simulator.faults import Faults
from connectors.whatsapp.simulator.options import SimulatorOptions
from connectors.whatsapp.simulator.phones import phone_key, user_id_of, wa_id_of
from connectors.whatsapp.simulator.updates import error_object, status_update

_PHONE: Final = re.compile(r"\+?[0-9]{8,15}", re.ASCII)
_TYPES: Final = frozenset({"audio", "contacts", "document", "image", "interactive", "location", "reaction", "sticker"})
_LATER_TYPES: Final = _TYPES | {"template", "video"}
MAX_BODY: Final = 256 * 1024


class Refusal(Exception):
    """A request that Meta answers with an error body."""

    def __init__(self, status: int, code: int, details: str) -> None:
        """Keep what the answer says."""
        super().__init__(details)
        self.status, self.code, self.details = status, code, details


@dataclass(frozen=True)
class Outgoing:
    """A request to send a text that has nothing wrong."""

    to: str
    text: str
    effect: str | None
    dropped: bool

    @property
    def phone(self) -> str:
        """Whose phone it is for."""
        return phone_key(self.to)


class Graph:
    """Takes messages of the hub, tells what became of them."""

    def __init__(
        self, options: SimulatorOptions, ledger: Ledger, phones: Phones, courier: Courier, faults: FaultPlan[Faults]
    ) -> None:
        """Join the parts."""
        self._options, self._ledger, self._phones = options, ledger, phones
        self._courier, self._faults = courier, faults

    async def messages(self, request: Request) -> Response:
        """Answer ``POST /{version}/{phone_number_id}/messages``."""
        message: dict[str, Any] = {}
        try:
            self._authorize(request)
            message = await _json(request)
            outgoing = read_outgoing(message)
        except ClientDisconnect:
            return CutResponse()
        except Refusal as refusal:
            self._note(message, outgoing=None, answer=str(refusal.status), code=refusal.code)
            return _error(refusal.status, refusal.code, refusal.details)
        fault = self._faults.next_answer()
        if fault is None:
            return JSONResponse(self._take(message, outgoing, answer="200"))
        return await self._misbehave(fault, message, outgoing)

    def resume(self) -> None:
        """Tell the statuses that an earlier run did not get to."""
        told = {tuple(pair) for entry in self._ledger.find(kind="webhook") for pair in entry["about"]}
        for entry in self._ledger.find(kind="send"):
            if entry["delivered"]:
                self._courier.spawn(self._tell(entry["phone"], entry["id"], entry["effect"], told))

    def _authorize(self, request: Request) -> None:
        given = request.headers.get("authorization", "")
        right = f"Bearer {self._options.access_token}"
        if not hmac.compare_digest(given.encode("utf-8", "replace"), right.encode()):
            raise Refusal(401, 190, "Invalid OAuth access token.")
        shown = request.query_params.get("appsecret_proof")
        if shown is not None and shown != proof(self._options.app_secret, self._options.access_token.encode()):
            raise Refusal(400, 100, "Invalid appsecret_proof provided in the API argument")
        if request.path_params["version"] != self._options.api_version:
            raise Refusal(400, 2500, "Unknown path components")
        if request.path_params["number"] != self._options.phone_number_id:
            raise Refusal(400, 33, "Object does not exist, or lacks permissions")

    async def _misbehave(self, fault: AnswerFault, message: dict[str, Any], outgoing: Outgoing) -> Response:
        body: dict[str, Any] = {}
        if fault.takes:
            body = self._take(message, outgoing, answer=fault.name)
        else:
            self._note(message, outgoing, answer=fault.name, code=fault.code if fault.do == "error" else None)
        return await fault.answer(body, partial(_error, fault.status, fault.code, "Simulated."))

    def _take(self, message: dict[str, Any], outgoing: Outgoing, *, answer: str) -> dict[str, Any]:
        wamid = "wamid.HBg" + self._options.randomness.token().upper()
        self._note(message, outgoing, answer=answer, wamid=wamid)
        if not outgoing.dropped:
            self._courier.spawn(self._tell(outgoing.phone, wamid, outgoing.effect, set()))
        contact = {"input": outgoing.to, "user_id": user_id_of(outgoing.phone)}
        wa_id = wa_id_of(outgoing.phone)
        return {
            "messaging_product": "whatsapp",
            "contacts": [contact | ({"wa_id": wa_id} if wa_id else {})],
            "messages": [{"id": wamid}],
        }

    def _note(
        self,
        message: dict[str, Any],
        outgoing: Outgoing | None,
        *,
        answer: str,
        code: int | None = None,
        wamid: str | None = None,
    ) -> None:
        """Write down a request; each one, so that a double shows under its effect id."""
        effect = message.get("biz_opaque_callback_data")
        entry = self._ledger.add(
            "send",
            effect=effect if isinstance(effect, str) else None,
            phone=outgoing.phone if outgoing else None,
            text=outgoing.text if outgoing else None,
            id=wamid,
            taken=wamid is not None,
            delivered=wamid is not None and outgoing is not None and not outgoing.dropped,
            answer=answer,
            code=code,
        )
        self._phones.note(entry)

    async def _tell(self, phone: str, wamid: str, effect: str | None, told: set[tuple[Any, ...]]) -> None:
        for name, pause in self._options.statuses:
            await asyncio.sleep(pause)
            faults = self._faults.current
            status = "failed" if faults.fail_code is not None and name != "sent" else name
            if status not in faults.drop_statuses and (wamid, status) not in told:
                self._courier.post(
                    status_update(
                        self._options, phone=phone, wamid=wamid, effect=effect, status=status, code=faults.fail_code
                    )
                )
            if status == "failed":
                return


def read_outgoing(message: dict[str, Any]) -> Outgoing:
    """Return what a request asks for.

    Raises:
        Refusal: With the code that Meta gives for what is wrong.
    """
    if message.get("messaging_product") != "whatsapp":
        raise Refusal(400, 100, "(#100) The parameter messaging_product is required.")
    if message.get("recipient_type", "individual") != "individual":
        raise Refusal(400, 100, "(#100) Param recipient_type must be one of {INDIVIDUAL}")
    kind = message.get("type", "text")
    if kind in _LATER_TYPES:
        raise Refusal(400, 131051, "Message type is currently not supported by the simulator.")
    if kind != "text":
        raise Refusal(400, 100, "(#100) Param type must be one of the documented kinds.")
    text = message.get("text")
    body = text.get("body") if isinstance(text, dict) else None
    if not isinstance(body, str) or not body:
        raise Refusal(400, 100, "(#100) The parameter text['body'] is required.")
    if len(body) > MAX_TEXT:
        raise Refusal(400, 100, f"(#100) Param text['body'] must be at most {MAX_TEXT} characters long.")
    effect = message.get("biz_opaque_callback_data")
    if effect is not None and (not isinstance(effect, str) or len(effect) > MAX_CORRELATION):
        raise Refusal(400, 100, f"(#100) Param biz_opaque_callback_data is a string of at most {MAX_CORRELATION}.")
    return _addressed(message, body, effect)


def _addressed(message: dict[str, Any], text: str, effect: str | None) -> Outgoing:
    to, recipient = message.get("to"), message.get("recipient")
    if isinstance(to, str) and _PHONE.fullmatch(to):
        return Outgoing(to, text, effect, dropped=False)
    if isinstance(to, str) and user_id_in(to):
        # Meta answers 200, then nothing arrives (chatwoot/chatwoot PR#15150).
        return Outgoing(to, text, effect, dropped=True)
    if to is None and isinstance(recipient, str) and user_id_in(recipient):
        return Outgoing(recipient, text, effect, dropped=False)
    if to is None and recipient is None:
        raise Refusal(400, 100, "(#100) The parameter to is required.")
    raise Refusal(400, 131009, "Parameter value is not valid: to")


async def _json(request: Request) -> dict[str, Any]:
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Refusal(400, 100, "(#100) The content type must be application/json.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise Refusal(413, 100, "(#100) The request is too large.")
    try:
        found = json.loads(bytes(body))
    except ValueError:
        raise Refusal(400, 100, "(#100) The request is no JSON.") from None
    if not isinstance(found, dict):
        raise Refusal(400, 100, "(#100) The request is no JSON object.")
    return found


def _error(status: int, code: int, details: str, headers: dict[str, str] | None = None) -> JSONResponse:
    error = {**error_object(code), "message": f"(#{code}) {details}", "type": "OAuthException", "fbtrace_id": "A1b2C3"}
    error.pop("title")
    return JSONResponse({"error": error}, status_code=status, headers=headers)
