"""Answers everything at once, on the same server as the hub's: the baseline of intake, or a provider: ``PORT``."""

from __future__ import annotations

import asyncio
import itertools
import sys
from typing import Any, Final

import uvloop

from hub.settings import Limits
from hub.web.listener import listening

_LENGTH: Final = b"content-length"
_START: Final = {
    "type": "http.response.start",
    "status": 200,
    "headers": [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"x-content-type-options", b"nosniff"),
        (_LENGTH, b"0"),
    ],
}
_END: Final = {"type": "http.response.body", "body": b""}
_numbers = itertools.count()


async def answer(scope: Any, receive: Any, send: Any) -> None:
    """Answer a webhook with nothing but 200, a call of the Graph API as if the message was taken."""
    if scope["path"].startswith("/webhooks/"):
        await send(_START)
        await send(_END)
        return
    while (await receive()).get("more_body"):
        pass
    body = b'{"messaging_product":"whatsapp","messages":[{"id":"wamid.out.%d"}]}' % next(_numbers)
    headers = [(b"content-type", b"application/json"), (_LENGTH, str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def serve(port: int) -> None:
    """Serve until the process is ended."""
    async with listening(answer, "127.0.0.1", port, limits=Limits()):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(int(sys.argv[1])))
