"""Hands files over to WhatsApp, within what it takes of each kind.

Source: facts 3.7 (2026-11); an upload serves for 30 days.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from connectors._meta.transport import GraphTransport
from connectors._meta.uploads import Place, hand_over, within
from connectors.whatsapp import answers
from connectors.whatsapp.client import Access
from hub.contracts import KeptFile, NotTaken, Rejected, Uploaded

PRODUCT: Final = "WhatsApp"
_MB: Final = 1024 * 1024
_AUDIO: Final = frozenset({"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"})
TYPES: Final = {
    "image": frozenset({"image/jpeg", "image/png"}),
    "video": frozenset({"video/mp4", "video/3gpp"}),
    "audio": _AUDIO,
    "voice": frozenset({"audio/ogg"}),
}
"""By kind; a document may be of any type."""

MOST_BYTES: Final = {"image": 5 * _MB, "video": 16 * _MB, "audio": 16 * _MB, "voice": 16 * _MB, "document": 100 * _MB}


class WhatsAppUploader:
    """Takes files for the numbers of one app."""

    def __init__(self, access: Access) -> None:
        """Keep the access; no socket is opened before the first file."""
        self._access = access
        self._transport = GraphTransport(access.timeout_seconds)

    async def upload(self, asset: str, file: KeptFile, *, attempt: int = 1) -> Uploaded | NotTaken | Rejected:
        """Make one attempt; never raises for what provider or network do."""
        allowed = TYPES.get(file.kind)
        if allowed is not None and file.mime_type not in allowed:
            text = f"WhatsApp no admite {file.mime_type} como {file.kind}. Envíalo como documento."
            return Rejected("file_type", text)
        wrong = within(file, MOST_BYTES.get(file.kind, MOST_BYTES["document"]), PRODUCT)
        if wrong is not None:
            return wrong
        place = Place(
            url=f"{self._access.url}/{self._access.version}/{asset}/media",
            fields={"messaging_product": "whatsapp", "type": file.mime_type},
            part="file",
            names="id",
            judge=partial(answers.judge, attempt=attempt),
            product=PRODUCT,
        )
        return await hand_over(self._transport, place, file, self._access.credentials)

    async def close(self) -> None:
        """Give back sockets; what is under way is cut."""
        await self._transport.close()
