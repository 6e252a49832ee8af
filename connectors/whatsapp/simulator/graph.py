"""The part of the Graph API that the hub calls, as strict as the real one."""

from __future__ import annotations

import asyncio
import hmac
import json
from dataclasses import replace
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from connectors._meta.signature import proof
from connectors._simulator.courier import Courier
from connectors._simulator.cutting import CutResponse
from connectors._simulator.faults import AnswerFault, FaultPlan
from connectors._simulator.ledger import Ledger
from connectors._simulator.phones import Phones
from connectors.whatsapp.simulator.faults import Faults
from connectors.whatsapp.simulator.media import Media
from connectors.whatsapp.simulator.options import SimulatorOptions
from connectors.whatsapp.simulator.phones import user_id_of, wa_id_of
from connectors.whatsapp.simulator.refusal import Refusal
from connectors.whatsapp.simulator.requests import Outgoing, read_outgoing
from connectors.whatsapp.simulator.templates import Catalogue
from connectors.whatsapp.simulator.updates import status_update
from connectors.whatsapp.simulator.windows import Windows

MAX_BODY: Final = 256 * 1024


class Graph:
    """Takes messages of the hub, tells what became of them."""

    def __init__(
        self,
        options: SimulatorOptions,
        ledger: Ledger,
        phones: Phones,
        courier: Courier,
        faults: FaultPlan[Faults],
        media: Media,
    ) -> None:
        """Join the parts."""
        self._options, self._ledger, self._phones = options, ledger, phones
        self._courier, self._faults, self._media = courier, faults, media
        self.windows = Windows(options, ledger)
        self.catalogue = Catalogue(options, ledger, courier, self._authorize)

    async def messages(self, request: Request) -> Response:
        """Answer ``POST /{version}/{phone_number_id}/messages``."""
        message: dict[str, Any] = {}
        try:
            self._authorize(request)
            self._is_the_number(request)
            message = await _json(request)
            if "status" in message:
                return self._mark(message)
            outgoing = self._allow(read_outgoing(message))
        except ClientDisconnect:
            return CutResponse()
        except Refusal as refusal:
            self._note(message, outgoing=None, answer=str(refusal.status), code=refusal.code)
            return refusal.answer()
        fault = self._faults.next_answer()
        if fault is None:
            return JSONResponse(self._take(message, outgoing, answer="200"))
        return await self._misbehave(fault, message, outgoing)

    def _mark(self, mark: dict[str, Any]) -> Response:
        """Take a mark on a message of a customer's: read, with somebody writing or not."""
        said = self._ledger.find(kind="said", id=str(mark.get("message_id")))
        typing = mark.get("typing_indicator")
        if mark.get("messaging_product") != "whatsapp" or mark["status"] != "read" or not said:
            raise Refusal(400, 100, "Invalid parameter: status is read, message_id a message that was received.")
        if set(mark) - {"messaging_product", "status", "message_id", "typing_indicator"}:
            raise Refusal(400, 100, "Unexpected key on a mark.")
        if typing is not None and typing != {"type": "text"}:
            raise Refusal(400, 100, "Param typing_indicator['type'] must be text.")
        self._ledger.add("mark", phone=said[0]["phone"], id=mark["message_id"], typing=typing is not None)
        return JSONResponse({"success": True})

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

    def _is_the_number(self, request: Request) -> None:
        if request.path_params["number"] != self._options.phone_number_id:
            raise Refusal(400, 33, "Object does not exist, or lacks permissions")

    def _allow(self, outgoing: Outgoing) -> Outgoing:
        if outgoing.template is not None:
            return replace(outgoing, text=self.catalogue.check(outgoing.template))
        if outgoing.media is not None and self._media.get(outgoing.media) is None:
            raise Refusal(400, 131009, "Parameter value is not valid: no media of that id was uploaded.")
        self.windows.check(outgoing.phone)
        return outgoing

    async def _misbehave(self, fault: AnswerFault, message: dict[str, Any], outgoing: Outgoing) -> Response:
        body: dict[str, Any] = {}
        if fault.takes:
            body = self._take(message, outgoing, answer=fault.name)
        else:
            self._note(message, outgoing, answer=fault.name, code=fault.code if fault.do == "error" else None)
        return await fault.answer(body, Refusal(fault.status, fault.code, "Simulated.").answer)

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
            type=outgoing.kind if outgoing else None,
            text=outgoing.text if outgoing else None,
            media=outgoing.media if outgoing else None,
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


async def _json(request: Request) -> dict[str, Any]:
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Refusal(400, 100, "The content type must be application/json.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise Refusal(413, 100, "The request is too large.")
    try:
        found = json.loads(bytes(body))
    except ValueError:
        raise Refusal(400, 100, "The request is no JSON.") from None
    if not isinstance(found, dict):
        raise Refusal(400, 100, "The request is no JSON object.")
    return found
