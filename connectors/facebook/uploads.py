"""Hands files over to a Facebook page, for Messenger.

Source: facts 4.7 (2026-11): 25 MB, by ``/{page}/message_attachments``.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Final

from connectors._meta.transport import GraphTransport
from connectors._meta.uploads import Place, hand_over, within
from connectors.facebook import answers
from connectors.facebook.bodies import FILES
from connectors.facebook.client import Access
from hub.contracts import KeptFile, NotTaken, Rejected, Uploaded

PRODUCT: Final = "Messenger"
MOST_BYTES: Final = 25 * 1024 * 1024


class FacebookUploader:
    """Takes files for the pages of one app."""

    def __init__(self, access: Access) -> None:
        """Keep the access; no socket is opened before the first file."""
        self._access = access
        self._transport = GraphTransport(access.timeout_seconds)

    async def upload(self, asset: str, file: KeptFile, *, attempt: int = 1) -> Uploaded | NotTaken | Rejected:
        """Make one attempt; never raises for what provider or network do."""
        kind, credentials = FILES.get(file.kind), self._access.pages.get(asset)
        if kind is None or credentials is None:
            return Rejected("request", "El hub armó mal el mensaje para Facebook. Avisa a soporte del hub.")
        wrong = within(file, MOST_BYTES, PRODUCT)
        if wrong is not None:
            return wrong
        message = {"attachment": {"type": kind, "payload": {"is_reusable": True}}}
        place = Place(
            url=f"{self._access.url}/{self._access.version}/{asset}/message_attachments",
            fields={"message": json.dumps(message, separators=(",", ":"))},
            part="filedata",
            names="attachment_id",
            judge=partial(answers.judge, names="attachment_id", attempt=attempt, about_comment=False),
            product=PRODUCT,
        )
        return await hand_over(self._transport, place, file, credentials)

    async def close(self) -> None:
        """Give back sockets; what is under way is cut."""
        await self._transport.close()
