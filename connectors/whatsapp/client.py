"""Sends messages through the WhatsApp Cloud API."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from connectors._meta.transport import Broken, Credentials, GraphTransport, NoCredentialsError
from connectors.whatsapp import answers, bodies
from hub.contracts import NotTaken, OutboundCall, Outcome, Rejected, Unclear

MAX_CORRELATION: Final = 512
SIGN: Final = "sign"

_PHONE: Final = re.compile(r"\+?([0-9]{8,15})", re.ASCII)
_USER_ID: Final = re.compile(r"[A-Za-z0-9.:_-]{1,160}", re.ASCII)
_ASSET: Final = re.compile(r"[0-9]{5,20}", re.ASCII)


@dataclass(frozen=True)
class Access:
    """Where the API is, with what opens it.

    Attributes:
        timeout_seconds: Bound of one whole call.
    """

    url: str
    version: str
    timeout_seconds: float
    credentials: Credentials


class WhatsAppSender:
    """Speaks through the numbers of one app."""

    def __init__(self, access: Access) -> None:
        """Keep the access; no socket is opened before the first message."""
        self._access = access
        self._transport = GraphTransport(access.timeout_seconds)

    async def send(self, call: OutboundCall) -> Outcome:
        """Make one attempt; never raises for what the provider or the network does."""
        message = request_body(call)
        if isinstance(message, Rejected):
            return message
        url = f"{self._access.url}/{self._access.version}/{call.asset}/messages"
        try:
            answer = await self._transport.post(url, message, self._access.credentials)
        except NoCredentialsError:
            return NotTaken(
                "credential_file",
                "No se puede leer el token o el secreto de la app de WhatsApp. Revisa sus archivos (modo 0600).",
                scope="credential",
            )
        if isinstance(answer, Broken):
            return _broken(answer)
        if call.kind == SIGN:
            return answers.judge_sign(answer, call.effect_id, attempt=call.attempt)
        return answers.judge(answer, attempt=call.attempt)

    async def close(self) -> None:
        """Give back sockets; calls under way are cut."""
        await self._transport.close()


def request_body(call: OutboundCall) -> bytes | Rejected:
    """Return the bytes of the request for a call, or why the provider could never take it."""
    if call.kind == SIGN:
        return _sign(call.payload)
    recipient = _recipient(call.reply_to)
    if call.kind != "send_message" or not _ASSET.fullmatch(call.asset) or len(call.effect_id) > MAX_CORRELATION:
        return Rejected("request", "El hub armó mal el mensaje para WhatsApp. Avisa a soporte del hub.")
    if recipient is None:
        return Rejected("recipient", "El contacto no tiene teléfono ni identificador de WhatsApp utilizable. Revísalo.")
    content = bodies.content_of(call.payload)
    if isinstance(content, Rejected):
        return content
    message = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        **recipient,
        **content,
        "biz_opaque_callback_data": call.effect_id,
    }
    return json.dumps(message, separators=(",", ":")).encode()


def _sign(payload: Mapping[str, Any]) -> bytes | Rejected:
    """Return the mark on a message of the customer's; whoever is seen writing has read, too (facts 3.2)."""
    message, sign = payload.get("message_id"), payload.get("sign")
    if not isinstance(message, str) or sign not in {"read", "typing"}:
        return Rejected("request", "El hub armó mal la señal para WhatsApp. Avisa a soporte del hub.")
    body: dict[str, Any] = {"messaging_product": "whatsapp", "status": "read", "message_id": message}
    if sign == "typing":
        body["typing_indicator"] = {"type": "text"}
    return json.dumps(body, separators=(",", ":")).encode()


def _recipient(reply_to: Mapping[str, str]) -> dict[str, str] | None:
    phone = _PHONE.fullmatch(reply_to.get("to", ""))
    if phone:
        # Without the plus sign Meta puts the business's own country code in front (KAPSO send-messages).
        return {"to": "+" + phone.group(1)}
    # A user id in "to" is answered 200, then silently dropped (chatwoot/chatwoot PR#15150).
    user_id = reply_to.get("recipient", "")
    return {"recipient": user_id} if _USER_ID.fullmatch(user_id) else None


def _broken(broken: Broken) -> Outcome:
    if broken.begun:
        return Unclear(f"the answer of WhatsApp was lost ({broken.error}) after the request had begun")
    return NotTaken("unreachable", "No se pudo conectar con WhatsApp. Se reintenta solo; revisa la red si continúa.")
