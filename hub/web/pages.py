"""The page that shows live what comes in, what becomes of it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from hub.bootstrap import Hub


def routes(_hub: Hub) -> list[Route]:
    """Return the pages of one process."""

    async def home(_request: Request) -> Response:
        return PlainTextResponse("hub")

    return [Route("/", home)]
