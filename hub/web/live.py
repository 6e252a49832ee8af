"""Tells open pages that something changed: a server-sent event a burst of commits, never its content."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from hub.ports import Commit, Store

BURST_SECONDS: Final = 0.5
"""Commits closer together are one piece of news; pages fetch what they show at most that often."""
IDLE_SECONDS: Final = 20.0
"""Without news a page looks again so often: relative times go on, what waits in the journal shows."""
PING_SECONDS: Final = 15
MOST_READERS: Final = 64
RETRY_MILLISECONDS: Final = 2000


class Feed:
    """The commits of a store, brought to any number of open pages."""

    def __init__(self, store: Store) -> None:
        """Listen to ``store``."""
        self._open: set[asyncio.Event] = set()
        self._count = 0
        self._closing = False
        store.on_commit(self._committed)

    def close(self) -> None:
        """Let every open page go, so that the listener can stop."""
        self._closing = True
        self._announce()

    async def answer(self, _request: Request) -> Response:
        """Answer one page's ``EventSource``."""
        if len(self._open) >= MOST_READERS or self._closing:
            return PlainTextResponse("too many open pages", 503, headers={"retry-after": "30"})
        return EventSourceResponse(self._changes(), ping=PING_SECONDS, headers={"cache-control": "no-store"})

    async def _changes(self) -> AsyncIterator[ServerSentEvent]:
        news = asyncio.Event()
        # A page that connects again looks at once: whatever it missed is on it then.
        news.set()
        self._open.add(news)
        try:
            while not self._closing:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(IDLE_SECONDS):
                        await news.wait()
                news.clear()
                # Browsers drop an event without data.
                yield ServerSentEvent(
                    event="changed", id=str(self._count), data=str(self._count), retry=RETRY_MILLISECONDS
                )
                await asyncio.sleep(BURST_SECONDS)
        finally:
            self._open.discard(news)

    def _committed(self, commit: Commit) -> None:
        if commit.notices or commit.signals:
            self._announce()

    def _announce(self) -> None:
        self._count += 1
        for news in self._open:
            news.set()
