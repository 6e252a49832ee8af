"""Keeps a simulator to this machine, out of reach of pages in a browser."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from connectors._simulator.options import is_loopback

_SAFE: Final = frozenset({"GET", "HEAD"})
_CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = (
    (b"content-security-policy", _CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)


class LoopbackOnly:
    """Refuses other machines, foreign names for this one (DNS rebinding), requests sent by other pages."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand in front of an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer 403."""
        if scope["type"] != "http":
            return
        problem = _problem(scope)
        if problem:
            await JSONResponse({"problems": [problem]}, status_code=403)(scope, receive, send)
            return

        async def with_headers(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                found = message.get("headers", [])
                message["headers"] = [*found, *_HEADERS] if isinstance(found, list) else list(_HEADERS)
            await send(message)

        await self._app(scope, receive, with_headers)  # type: ignore[arg-type]


def _problem(scope: Scope) -> str | None:
    headers = Headers(scope=scope)
    client = scope.get("client")
    if client is not None and not is_loopback(client[0]):
        return "the simulator answers this machine only"
    host = headers.get("host", "")
    if not is_loopback(urlsplit(f"//{host}").hostname):
        return "the simulator answers under a loopback name only"
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != host:
        return "the simulator takes nothing from other pages"
    json_only = scope["path"].startswith("/control/") and scope["method"] not in _SAFE | {"DELETE"}
    if json_only and headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return "the control surface takes application/json only"
    return None
