"""The pages: live, an event, a ticket, a delivery, the dead letters; all read-only."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from hub.bootstrap import Hub
from hub.errors import NotFound, StoreUnavailable
from hub.ports import Store
from hub.store.transaction import Transaction
from hub.web import alarms, views, words
from hub.web.live import Feed
from hub.web.watching import Watcher

_HERE: Final = Path(__file__).parent
_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FOREVER: Final = {"cache-control": "public, max-age=31536000, immutable"}

View = Callable[[Transaction], dict[str, Any]]


class Pages:
    """Renders the pages of one process."""

    def __init__(self, hub: Hub, store: Store, feed: Feed, watcher: Watcher) -> None:
        """Show what ``store`` holds."""
        self._hub = hub
        self._store = store
        self._feed = feed
        self._watcher = watcher
        self._templates = templates()

    def routes(self) -> list[Route]:
        """Return every page; none takes anything but GET."""
        return [
            Route("/", self.home),
            Route("/eventos/{id}", self._one("event.html", views.event)),
            Route("/tickets/{id}", self._one("ticket.html", views.ticket)),
            Route("/entregas/{id}", self._one("delivery.html", views.delivery)),
            Route("/mensajes-muertos", self.letters),
            Route("/vivo", self._feed.answer),
            Route("/static/{name}", _static),
        ]

    async def home(self, _request: Request) -> Response:
        """Show live what comes in, what becomes of it."""
        return await self._page("home.html", views.home)

    async def letters(self, _request: Request) -> Response:
        """Show what waits for a person's decision."""
        return await self._page("letters.html", views.letters)

    def _one(
        self, template: str, view: Callable[[Transaction, str], dict[str, Any]]
    ) -> Callable[..., Awaitable[Response]]:
        async def page(request: Request) -> Response:
            name = request.path_params["id"]
            if "\0" in name:
                return self._render("missing.html", 404, what="there is nothing of that name")
            return await self._page(template, lambda tx: view(tx, name))

        return page

    async def _page(self, template: str, view: View) -> Response:
        try:
            waiting = await self._watcher.waiting()
            shown = await self._store.read(view)
        except NotFound as error:
            return self._render("missing.html", 404, what=str(error))
        except (StoreUnavailable, SQLAlchemyError):
            return self._render("unavailable.html", 503)
        ingester = self._hub.ingester
        stopped = None if ingester is None else ingester.alarm
        away = self._hub.relay is not None and self._hub.relay.away is not None
        found = alarms.sound(waiting, self._watcher.balance, stopped, self._hub.clock.now(), kafka_is_away=away)
        return self._render(template, 200, alarms=found, waiting=waiting, **shown)

    def _render(self, template: str, status: int, **shown: Any) -> Response:
        simulators = {name: played.pages for name, played in self._hub.simulated.items()}
        html = self._templates.get_template(template).render(
            {"words": words, "asset": asset, "simulators": simulators, "alarms": [], "waiting": None, **shown}
        )
        return HTMLResponse(html, status)


def templates() -> Environment:
    """Return the templates; whatever they are given is escaped."""
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["event_name"] = words.event
    return environment


def asset(name: str) -> str:
    """Return the address of a static file, another one when its content changes."""
    return f"/static/{name}?v={hashlib.sha256(_files()[name]).hexdigest()[:12]}"


@cache
def _files() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((_HERE / "static").iterdir()) if path.suffix in _TYPES}


async def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _files():
        return Response(status_code=404)
    media = f"{_TYPES[Path(name).suffix]}; charset=utf-8"
    return Response(_files()[name], media_type=media, headers=_FOREVER)
