"""Closes a connection in the middle of a request, as broken networks do."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

EXTENSION: Final = "connection.abort"


class CuttableProtocol(HttpToolsProtocol):
    """HTTP of uvicorn that lets the application drop the connection."""

    def on_message_begin(self) -> None:
        """Offer the cut with each request."""
        super().on_message_begin()
        self.scope["extensions"] = {EXTENSION: {"abort": self.transport.abort}}


class CutResponse(Response):
    """Answers nothing; on another server than ours it answers less than it announces."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Cut, then wait until the server has seen it."""
        cut = scope.get("extensions", {}).get(EXTENSION)
        if cut is None:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"100")]})
            return
        cut["abort"]()
        while (await receive())["type"] != "http.disconnect":
            pass
