"""The private listener: health, metrics, pages; loopback only until there is sign-on."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.bootstrap import Hub
from hub.telemetry import metrics

_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})


class LoopbackOnly:
    """Refuses peers that are not this machine, with Host headers that are not its own (DNS rebinding)."""

    def __init__(self, app: ASGIApp) -> None:
        """Guard ``app``."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "http" and not (_is_local(scope) and _names_us(scope)):
            await PlainTextResponse("loopback only", 403)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def build(hub: Hub) -> ASGIApp:
    """Return the private application of one process."""
    routes = [
        Route("/healthz", _health),
        Route("/readyz", _readiness(hub)),
        Route("/metrics", _metrics),
    ]
    if hub.store is not None:
        # Imported here: a receiver has no pages to render.
        from hub.web import pages  # noqa: PLC0415

        routes += pages.routes(hub)
    return LoopbackOnly(Starlette(routes=routes))


async def _health(_request: Request) -> Response:
    return PlainTextResponse("ok")


async def _metrics(_request: Request) -> Response:
    return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)


def _readiness(hub: Hub) -> Callable[[Request], Awaitable[Response]]:
    async def readiness(_request: Request) -> Response:
        problems = []
        if hub.journal is not None and not hub.journal.ready:
            problems.append(hub.journal.why_not)
        if hub.ingester is not None and hub.ingester.alarm:
            problems.append(hub.ingester.alarm)
        metrics.ready.set(int(not problems))
        if problems:
            return PlainTextResponse("; ".join(problems), 503, headers={"retry-after": "5"})
        return PlainTextResponse("ready")

    return readiness


def _is_local(scope: Scope) -> bool:
    client = scope.get("client")
    return client is not None and ipaddress.ip_address(client[0]).is_loopback


def _names_us(scope: Scope) -> bool:
    for name, value in scope["headers"]:
        if name == b"host":
            host: str = value.decode("latin-1").lower()
            return (host if host.endswith("]") else host.rpartition(":")[0] or host) in _HOSTS
    return False
