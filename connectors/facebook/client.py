"""Speaks through Facebook pages: messages, answers to comments, signs of life."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from connectors._meta.transport import Broken, Credentials, GraphTransport, NoCredentialsError
from connectors.facebook import answers, bodies
from connectors.facebook.parties import chat_alias
from hub.contracts import Accepted, NotTaken, OutboundCall, Outcome, Rejected, Unclear

MAX_CORRELATION: Final = 999
PRIVATE: Final = "private_reply"
PUBLIC: Final = "comment_reply"
MESSAGE: Final = "send_message"
SIGN: Final = "sign"
ACTIONS: Final = {"read": "mark_seen", "typing": "typing_on"}

_PSID: Final = answers.PSID
_USER_REF: Final = re.compile(r"[!-~]{1,256}", re.ASCII)
_COMMENT: Final = re.compile(r"[0-9]{1,32}(?:_[0-9]{1,32}){0,2}", re.ASCII)
_PAGE: Final = re.compile(r"[0-9]{5,20}", re.ASCII)

_MISMADE: Final = Rejected("request", "El hub armó mal el mensaje para Facebook. Avisa a soporte del hub.")
_NO_COMMENT: Final = Rejected("recipient", "No se sabe a qué comentario se contesta. Contéstalo en la página.")
_NO_TAG: Final = Rejected(
    "window",
    "Pasaron 24 horas desde el último mensaje: en Messenger ya solo puede contestar una persona, hasta 7 días.",
)


@dataclass(frozen=True)
class Access:
    """Where the API is, with what opens it.

    Attributes:
        timeout_seconds: Bound of one whole call.
        pages: What opens each page, by its id.
    """

    url: str
    version: str
    timeout_seconds: float
    pages: Mapping[str, Credentials] = field(repr=False)


@dataclass(frozen=True)
class Request:
    """One call as it goes out.

    Attributes:
        path: Behind the version.
        names: The field of the answer that names what was made.
    """

    path: str
    body: Mapping[str, Any]
    names: str
    about_comment: bool = False


class FacebookSender:
    """Speaks through the pages of one app."""

    def __init__(self, access: Access) -> None:
        """Keep the access; no socket is opened before the first message."""
        self._access = access
        self._transport = GraphTransport(access.timeout_seconds)

    async def send(self, call: OutboundCall) -> Outcome:
        """Make one attempt; never raises for what the provider or the network does."""
        request = request_of(call)
        if isinstance(request, Rejected):
            return request
        credentials = self._access.pages.get(call.asset)
        if credentials is None:
            return _MISMADE
        url = f"{self._access.url}/{self._access.version}/{request.path}"
        body = json.dumps(request.body, separators=(",", ":")).encode()
        try:
            answer = await self._transport.post(url, body, credentials)
        except NoCredentialsError:
            return NotTaken(
                "credential_file",
                "No se puede leer el token de la página o el secreto de la app. Revisa sus archivos (modo 0600).",
                scope="credential",
            )
        if isinstance(answer, Broken):
            return _broken(answer)
        found = answers.judge(answer, names=request.names, attempt=call.attempt, about_comment=request.about_comment)
        return _with_what_it_tells(call, found, answers.psid_in(answer)) if isinstance(found, Accepted) else found

    async def close(self) -> None:
        """Give back sockets; calls under way are cut."""
        await self._transport.close()


def request_of(call: OutboundCall) -> Request | Rejected:
    """Return the request for a call, or why the provider could never take it."""
    if not _PAGE.fullmatch(call.asset) or len(call.effect_id) > MAX_CORRELATION:
        return _MISMADE
    if call.kind == SIGN:
        return _action(call)
    if call.kind == MESSAGE:
        return _message(call)
    make = {PRIVATE: _private_reply, PUBLIC: _public_reply}.get(call.kind)
    if make is None:
        return _MISMADE
    text = call.payload.get("text")
    return bodies.unfit(text) or make(call, text or "")


def _public_reply(call: OutboundCall, text: str) -> Request | Rejected:
    comment = call.reply_to.get("comment_id", "")
    if not _COMMENT.fullmatch(comment):
        return _NO_COMMENT
    return Request(f"{comment}/comments", {"message": text}, "id", about_comment=True)


def _private_reply(call: OutboundCall, text: str) -> Request | Rejected:
    """Return the one private reply that a comment may have, within seven days (facts 4.6)."""
    comment = call.reply_to.get("comment_id", "")
    if not _COMMENT.fullmatch(comment):
        return _NO_COMMENT
    body = {"recipient": {"comment_id": comment}, "message": {"text": text, "metadata": call.effect_id}}
    return Request(f"{call.asset}/messages", body, "message_id", about_comment=True)


def _message(call: OutboundCall) -> Request | Rejected:
    message = bodies.message_of(call.payload)
    if isinstance(message, Rejected):
        return message
    recipient = _recipient(call.reply_to)
    if recipient is None:
        return Rejected("recipient", "El contacto no tiene un identificador de Messenger utilizable. Revísalo.")
    manner: dict[str, str] = {"messaging_type": "RESPONSE"}
    if call.payload.get("window") == "human_agent":
        # A machine that uses the tag breaks Meta's policy (fazer-ai/chatwoot#674).
        if call.payload.get("written_by") != "person":
            return _NO_TAG
        manner = {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}
    body: dict[str, Any] = {"recipient": recipient, **manner, "message": {**message, "metadata": call.effect_id}}
    if isinstance(call.payload.get("quotes"), str):
        body["reply_to"] = {"mid": call.payload["quotes"]}
    return Request(f"{call.asset}/messages", body, "message_id")


def _action(call: OutboundCall) -> Request | Rejected:
    recipient, action = _recipient(call.reply_to), ACTIONS.get(call.payload.get("sign", ""))
    if recipient is None or action is None:
        return _MISMADE
    # It must be a request of its own (facts 4.7).
    return Request(f"{call.asset}/messages", {"recipient": recipient, "sender_action": action}, "recipient_id")


def _recipient(reply_to: Mapping[str, str]) -> dict[str, str] | None:
    psid, user_ref = reply_to.get("id", ""), reply_to.get("user_ref", "")
    if _PSID.fullmatch(psid):
        return {"id": psid}
    return {"user_ref": user_ref} if _USER_REF.fullmatch(user_ref) else None


def _with_what_it_tells(call: OutboundCall, accepted: Accepted, psid: str | None) -> Accepted:
    if call.kind == SIGN:
        # A sign of life makes nothing that could be named.
        return Accepted(call.effect_id)
    if call.kind == PRIVATE and psid is not None:
        # Who commented is known by another id in the chat; only here do both stand together.
        return Accepted(accepted.provider_id, learned=(chat_alias(call.asset, psid),))
    return accepted


def _broken(broken: Broken) -> Outcome:
    if broken.begun:
        return Unclear(f"the answer of Facebook was lost ({broken.error}) after the request had begun")
    return NotTaken("unreachable", "No se pudo conectar con Facebook. Se reintenta solo; revisa la red si continúa.")
