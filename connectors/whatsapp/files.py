"""Fetches files that customers sent by WhatsApp: asked for by id, then downloaded within five minutes."""

from __future__ import annotations

import re
from typing import Any, Final

from connectors._meta.addresses import HOSTS, places_for
from connectors._meta.bodies import error_code, read_object, retry_after
from connectors._meta.downloads import Downloads
from connectors._meta.transport import Answer, Broken, GraphTransport, NoCredentialsError, read_credentials
from connectors.whatsapp.client import Access
from hub.contracts import Fetched, NotFetched, Target, WantedFile

_MEDIA: Final = re.compile(r"[A-Za-z0-9_.:-]{1,256}", re.ASCII)
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_OK: Final = 200
_LATER_ES: Final = "WhatsApp no dio el archivo; se reintenta solo."


class WhatsAppFetcher:
    """Has the files of the numbers of one app."""

    def __init__(self, access: Access) -> None:
        """Keep the access; no socket is opened before the first file."""
        self._access = access
        self._transport = GraphTransport(access.timeout_seconds)
        self._downloads = Downloads(places_for(access.url, HOSTS), access.timeout_seconds)

    async def fetch(self, wanted: WantedFile, into: Target) -> Fetched | NotFetched:
        """Make one attempt; never raises for what provider or network do.

        Source: facts 3.7; an address that is too old answers 404, so each attempt asks for a fresh one.
        """
        media = wanted.source.get("media_id", "")
        if not _MEDIA.fullmatch(media):
            return NotFetched("source", "WhatsApp no dijo qué archivo es.", for_good=True)
        try:
            known = await self._look_up(media, wanted)
            token, _ = read_credentials(self._access.credentials)
        except NoCredentialsError:
            return NotFetched("credential_file", "No se puede leer el token de WhatsApp. Revisa su archivo (0600).")
        if isinstance(known, NotFetched):
            return known
        found = await self._downloads.fetch(known["url"], into, most_bytes=wanted.most_bytes, token=token)
        if isinstance(found, NotFetched):
            return found
        sha256, mime = known.get("sha256"), known.get("mime_type")
        return Fetched(
            mime_type=mime if isinstance(mime, str) else found.mime_type,
            sha256=sha256 if isinstance(sha256, str) and _SHA256.fullmatch(sha256) else None,
        )

    async def _look_up(self, media: str, wanted: WantedFile) -> dict[str, Any] | NotFetched:
        url = f"{self._access.url}/{self._access.version}/{media}"
        answer = await self._transport.get(url, self._access.credentials, phone_number_id=wanted.asset)
        if isinstance(answer, Broken):
            return NotFetched(answer.error, _LATER_ES)
        known = read_object(answer.body)
        if answer.status != _OK or not isinstance(known.get("url"), str):
            return _refused(answer)
        size = error_code(known.get("file_size"))
        if size is not None and size > wanted.most_bytes:
            limit = wanted.most_bytes // 2**20
            return NotFetched("too_large", f"Pesa más de {limit} MB (HUB_LIMITS__FILE_BYTES).", for_good=True)
        return known

    async def close(self) -> None:
        """Give back sockets; what is under way is cut."""
        await self._transport.close()
        await self._downloads.close()


def _refused(answer: Answer) -> NotFetched:
    error = read_object(answer.body).get("error")
    code = error_code(error.get("code")) if isinstance(error, dict) else None
    # Also an id that Meta does not know: it says the same of one that it may not show now (100, subcode 33).
    return NotFetched(
        f"graph_{code if code is not None else answer.status}",
        _LATER_ES,
        retry_after_seconds=retry_after(answer.headers),
    )
