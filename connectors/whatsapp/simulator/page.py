"""A phone in the browser, to chat as a customer."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

STATIC: Final = Path(__file__).parent / "static"
_TYPES: Final = {"phone.html": "text/html", "phone.css": "text/css", "phone.js": "text/javascript"}


async def _page(_: Request) -> Response:
    return FileResponse(STATIC / "phone.html", media_type="text/html; charset=utf-8")


async def _asset(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _TYPES:
        return Response(status_code=404)
    return FileResponse(STATIC / name, media_type=f"{_TYPES[name]}; charset=utf-8")


def routes() -> list[Route]:
    """Return the page with its parts; addresses in it are relative, so that it can stand under any path."""
    return [Route("/", _page), Route("/static/{name}", _asset)]
