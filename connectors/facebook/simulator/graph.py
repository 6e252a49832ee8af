"""The part of the Graph API that the hub calls for a page, as strict as the real one."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors._meta.signature import proof
from connectors._simulator.cutting import CutResponse
from connectors._simulator.faults import AnswerFault, FaultPlan
from connectors._simulator.files import Files
from connectors._simulator.ledger import Ledger
from connectors._simulator.phones import Phones
from connectors.facebook.simulator.faults import Faults
from connectors.facebook.simulator.options import SimulatorOptions
from connectors.facebook.simulator.refusal import Refusal
from connectors.facebook.simulator.requests import Outgoing, read_outgoing, read_upload
from connectors.facebook.simulator.telling import Teller
from connectors.facebook.simulator.wall import Wall

MAX_BODY: Final = 256 * 1024
STANDARD: Final = timedelta(hours=24)
HUMAN_AGENT: Final = timedelta(days=7)
_OPENS: Final = frozenset({"message", "postback"})
_TAKEN: Final = "take_thread_control"
_HANDED: Final = frozenset({_TAKEN, "pass_thread_control"})

Note = dict[str, Any]


class Graph:
    """Takes messages or comments of the hub, lets what became of them be told."""

    def __init__(
        self,
        options: SimulatorOptions,
        ledger: Ledger,
        phones: Phones,
        teller: Teller,
        faults: FaultPlan[Faults],
        files: Files,
    ) -> None:
        """Join the parts."""
        self._options, self._ledger, self._phones = options, ledger, phones
        self._teller, self._faults, self._files = teller, faults, files
        self.wall = Wall(ledger)

    def routes(self) -> list[Route]:
        """Return what is answered here."""
        return [
            Route("/{version}/{node}/messages", self.messages, methods=["POST"]),
            Route("/{version}/{node}/comments", self.comments, methods=["POST"]),
            Route("/{version}/{node}/message_attachments", self.upload, methods=["POST"]),
        ]

    async def messages(self, request: Request) -> Response:
        """Answer ``POST /{version}/{page_id}/messages``."""
        note: Note = {"type": "message"}
        try:
            self._authorize(request)
            self._is_the_page(request.path_params["node"])
            outgoing = read_outgoing(await _json(request))
            note |= self._about(outgoing)
            self._allow(outgoing)
        except ClientDisconnect:
            return CutResponse()
        except Refusal as refusal:
            return self._refuse(refusal, note)
        return await self._answer(note, outgoing)

    async def comments(self, request: Request) -> Response:
        """Answer ``POST /{version}/{comment_id}/comments``."""
        note: Note = {"type": "comment_reply", "comment": request.path_params["node"]}
        try:
            self._authorize(request)
            note |= self._about_comment(note["comment"], (await _json(request)).get("message"))
        except ClientDisconnect:
            return CutResponse()
        except Refusal as refusal:
            return self._refuse(refusal, note)
        return await self._answer(note, None)

    async def upload(self, request: Request) -> Response:
        """Answer ``POST /{version}/{page_id}/message_attachments``."""
        try:
            self._authorize(request)
            self._is_the_page(request.path_params["node"])
            file = read_upload(request.headers.get("content-type", ""), await request.body())
        except Refusal as refusal:
            return refusal.answer()
        return await self._files.take("attachment_id", file, _erring)

    def _authorize(self, request: Request) -> None:
        given = request.headers.get("authorization", "")
        right = f"Bearer {self._options.access_token}"
        if not hmac.compare_digest(given.encode("utf-8", "replace"), right.encode()):
            raise Refusal(190, "Invalid OAuth access token.", status=401)
        shown = request.query_params.get("appsecret_proof")
        if shown is not None and shown != proof(self._options.app_secret, self._options.access_token.encode()):
            raise Refusal(100, "Invalid appsecret_proof provided in the API argument")
        if request.path_params["version"] != self._options.api_version:
            raise Refusal(2500, "Unknown path components")

    def _is_the_page(self, node: str) -> None:
        if node not in {self._options.page_id, "me"}:
            raise Refusal(100, "Unsupported post request. Object does not exist", subcode=33)

    def _about_comment(self, comment_id: str, text: object) -> Note:
        if not isinstance(text, str) or not text.strip():
            raise Refusal(100, "The parameter message is required.")
        comment = self.wall.get(comment_id)
        if text in comment.replies:
            raise Refusal(506, "Duplicate status message")
        return {"phone": comment.phone, "text": text}

    def _about(self, outgoing: Outgoing) -> Note:
        phone = outgoing.psid
        kind = "action" if outgoing.action else "message"
        if outgoing.comment_id is not None:
            kind = "private_reply"
            phone = self.wall.get(outgoing.comment_id).phone
        return {
            "type": kind,
            "phone": phone,
            "comment": outgoing.comment_id,
            "effect": outgoing.metadata,
            "text": outgoing.shown or outgoing.action,
            "tagged": outgoing.tagged,
            "media": outgoing.media,
        }

    def _allow(self, outgoing: Outgoing) -> None:
        if outgoing.media is not None and self._files.get(outgoing.media) is None:
            raise Refusal(100, "Invalid attachment_id: no file of that id was uploaded.", subcode=2018074)
        now = self._options.clock.now()
        if outgoing.comment_id is not None:
            self.wall.may_answer_privately(outgoing.comment_id, now)
        elif self._is_held_elsewhere(outgoing.psid):
            raise Refusal(10, "Another app is controlling this thread now.", subcode=2018300)
        elif self._options.windows_shut and outgoing.psid is not None:
            heard = self._last_heard(outgoing.psid)
            if heard is None and not self._phones.last(outgoing.psid):
                raise Refusal(100, "No matching user found", subcode=2018001)
            if heard is None or now - heard > (HUMAN_AGENT if outgoing.tagged else STANDARD):
                raise Refusal(10, "This message is sent outside of allowed window.", subcode=2018278)

    def _is_held_elsewhere(self, psid: str | None) -> bool:
        handed = [one["type"] for one in self._ledger.find(kind="said", phone=psid or "") if one["type"] in _HANDED]
        return handed[-1:] == [_TAKEN]

    def _last_heard(self, psid: str) -> datetime | None:
        said = self._ledger.find(kind="said", phone=psid)
        return max((datetime.fromisoformat(one["said_at"]) for one in said if one["type"] in _OPENS), default=None)

    async def _answer(self, note: Note, outgoing: Outgoing | None) -> Response:
        fault = self._faults.next_answer()
        if fault is None:
            return JSONResponse(await self._take(note, outgoing, answer="200"))
        body: dict[str, Any] = {}
        if fault.takes:
            body = await self._take(note, outgoing, answer=fault.name)
        else:
            self._write(note, answer=fault.name, code=fault.code if fault.do == "error" else None)
        return await fault.answer(body, _erring(fault))

    async def _take(self, note: Note, outgoing: Outgoing | None, *, answer: str) -> dict[str, Any]:
        token = self._options.randomness.token()
        if note["type"] == "comment_reply":
            post = note["comment"].partition("_")[0]
            made = f"{post}_{int(token[:12], 16)}"
            self._write(note, answer=answer, id=made)
            self._teller.of_comment(note, made, self.wall.get(note["comment"]).post_id)
            return {"id": made}
        if outgoing is None or outgoing.action:
            self._write(note, answer=answer, id=f"action-{token}", delivered=False)
            return {"recipient_id": note["phone"]}
        mid = f"m_{token}"
        self._write(note, answer=answer, id=mid)
        await self._teller.of_message(note["phone"], mid, outgoing.message)
        return {"recipient_id": note["phone"], "message_id": mid}

    def _refuse(self, refusal: Refusal, note: Note) -> Response:
        self._write(note, answer=str(refusal.status), code=refusal.code, subcode=refusal.subcode)
        return refusal.answer()

    def _write(self, note: Note, **more: Any) -> None:
        """Write down a request; each one, so that a double shows under its effect id."""
        about = {"phone": None, "text": None, "effect": None, "comment": None, "code": None, "id": None, **note, **more}
        taken = about["id"] is not None
        entry = self._ledger.add("send", **{"taken": taken, "delivered": taken, **about})
        self._phones.note(entry)
        self.wall.note(entry)


def _erring(fault: AnswerFault) -> Any:
    refusal = Refusal(fault.code, "Simulated.", subcode=fault.subcode, status=fault.status)
    return refusal.answer


async def _json(request: Request) -> Mapping[str, Any]:
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Refusal(100, "The content type must be application/json.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise Refusal(100, "The request is too large.", status=413)
    try:
        found = json.loads(bytes(body))
    except ValueError:
        raise Refusal(100, "The request is no JSON.") from None
    if not isinstance(found, dict):
        raise Refusal(100, "The request is no JSON object.")
    return found
