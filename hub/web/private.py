"""The private listener: health, metrics, pages; loopback only until there is sign-on."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.bootstrap import Hub
from hub.telemetry import metrics
from hub.web.headers import SecurityHeaders

if TYPE_CHECKING:
    from hub.web.live import Feed
    from hub.web.watching import Watcher

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


class Private:
    """The private application of one process, with what it does beside answering."""

    def __init__(self, hub: Hub) -> None:
        """Serve pages too where there is a store to show."""
        self._hub = hub
        self._feed: Feed | None = None
        self._watcher: Watcher | None = None
        routes = [
            Route("/healthz", _health),
            Route("/readyz", _readiness(hub)),
            Route("/metrics", _metrics),
        ]
        if hub.store is not None:
            # Imported here: a receiver has no pages to render.
            from hub.web.live import Feed
            from hub.web.pages import Pages
            from hub.web.watching import Watcher

            self._feed = Feed(hub.store)
            self._watcher = Watcher(hub.store, hub.reader, hub.clock)
            routes += Pages(hub, hub.store, self._feed, self._watcher).routes()
        self.app: ASGIApp = SecurityHeaders(LoopbackOnly(Starlette(routes=routes)))

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Keep gauges with the account current until the block ends."""
        if self._watcher is None:
            yield
            return
        task = self._hub.spawn(self._watcher.run(), "watch")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def close(self) -> None:
        """Let open pages go; before the listener stops."""
        if self._feed is not None:
            self._feed.close()


async def _health(_request: Request) -> Response:
    return PlainTextResponse("ok")


async def _metrics(_request: Request) -> Response:
    return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)


def _readiness(hub: Hub) -> Callable[[Request], Awaitable[Response]]:
    async def readiness(_request: Request) -> Response:
        problems = []
        if hub.journal is not None and not hub.journal.ready:
            problems.append(hub.journal.why_not)
        if hub.intake is not None and hub.intake.draining:
            problems.append("it takes nothing more (hub intake drain); hub intake resume lets it take deliveries again")
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
            name_only, colon, port = host.rpartition(":")
            return host in _HOSTS or (name_only in _HOSTS and bool(colon) and port.isdecimal())
    return False
