"""Submits templates to WhatsApp, asks what became of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from connectors._meta.bodies import error_code, read_object
from connectors._meta.signature import proof
from connectors._meta.transport import read_capped
from connectors.whatsapp import template_files
from connectors.whatsapp.client import Access
from connectors.whatsapp.errors import explain
from hub.contracts import TemplateDraft, TemplateStanding
from hub.errors import Permanent, Transient

if TYPE_CHECKING:
    import httpx

_FIELDS: Final = "id,name,language,status"
_MOST: Final = "250"
"""Facts 3.3: an account holds so many before it is verified."""

_OK: Final = 200
_STATES: Final = {"APPROVED": "approved", "REINSTATED": "approved", "PENDING": "pending", "IN_APPEAL": "pending"}


class Office:
    """The templates of one WhatsApp account; for people at a terminal, so each call has a client of its own."""

    def __init__(self, access: Access, account: str) -> None:
        """Keep the access; no socket is opened before the first call."""
        self.account = account
        self._access = access

    def drafts(self) -> Sequence[TemplateDraft]:
        """Return what is shipped."""
        return [
            TemplateDraft(one.intent, one.name, template_files.LANGUAGE, one.category, one.body, tuple(one.variables))
            for one in template_files.shipped()
        ]

    async def standings(self) -> Sequence[TemplateStanding]:
        """Ask what Meta has."""
        answer = await self._call("GET", {"fields": _FIELDS, "limit": _MOST}, None)
        data = answer.get("data")
        found = data if isinstance(data, list) else []
        return [_standing(one, one) for one in found if isinstance(one, dict)]

    async def submit(self, draft: TemplateDraft) -> TemplateStanding:
        """Hand one in for review."""
        asked = next(one.request() for one in template_files.shipped() if one.intent == draft.intent)
        return _standing(asked, await self._call("POST", {}, asked))

    async def _call(self, method: str, query: Mapping[str, str], body: Mapping[str, Any] | None) -> dict[str, Any]:
        import httpx

        access = self._access
        token, app_secret = access.credentials.token()[0], access.credentials.app_secret()[0]
        url = f"{access.url}/{access.version}/{self.account}/message_templates"
        headers = {"authorization": f"Bearer {token.decode()}", "accept-encoding": "identity"}
        headers |= {} if body is None else {"content-type": "application/json"}
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        params = {**query, "appsecret_proof": proof(app_secret, token)}
        try:
            async with (
                asyncio.timeout(access.timeout_seconds),
                httpx.AsyncClient(trust_env=False, timeout=access.timeout_seconds) as client,
                client.stream(method, url, params=params, headers=headers, content=content) as response,
            ):
                return _judged(response, await read_capped(response))
        except (httpx.HTTPError, OSError, TimeoutError) as error:
            msg = f"No se pudo hablar con WhatsApp ({type(error).__name__}). Revisa la red e inténtalo de nuevo."
            raise Transient(msg) from None


def _judged(response: httpx.Response, body: bytes | None) -> dict[str, Any]:
    found = read_object(body)
    if response.status_code == _OK:
        return found
    error = found.get("error")
    code = error_code(error.get("code")) if isinstance(error, dict) else None
    said = str(error.get("message", ""))[:300] if isinstance(error, dict) else ""
    msg = f"WhatsApp no aceptó ({code or response.status_code}): {explain(code)} {said}".strip()
    raise Permanent(msg)


def _standing(named: Mapping[str, Any], told: Mapping[str, Any]) -> TemplateStanding:
    status = str(told.get("status", "PENDING"))
    number = told.get("id")
    return TemplateStanding(
        name=str(named.get("name", "")),
        language=str(named.get("language", "")),
        state=_STATES.get(status, status.lower()),
        provider_id=None if number is None else str(number),
    )
