"""The phones of simulated customers, with what was said on each."""

from __future__ import annotations

import asyncio
from typing import Any

from connectors._simulator.ledger import Ledger


class Phones:
    """What each customer said or received, rebuilt from the ledger at start."""

    def __init__(self, ledger: Ledger) -> None:
        """Show again what an earlier run left."""
        self._threads: dict[str, list[dict[str, Any]]] = {}
        self._ids: set[str] = set()
        self._news: dict[str, asyncio.Event] = {}
        for entry in ledger.entries:
            self.note(entry)

    def note(self, entry: dict[str, Any]) -> None:
        """Show a ledger entry on its phone when it is something said, or a message taken."""
        received = entry["kind"] == "send" and entry["delivered"]
        # The same message said again is the same message.
        if (not received and entry["kind"] != "said") or entry["id"] in self._ids:
            return
        self._ids.add(entry["id"])
        thread = self._threads.setdefault(entry["phone"], [])
        thread.append(
            {
                "seq": len(thread) + 1,
                "direction": "received" if received else "said",
                "id": entry["id"],
                "at": entry["at"],
                "text": entry["text"],
                "effect": entry.get("effect"),
            }
        )
        if news := self._news.pop(entry["phone"], None):
            news.set()

    def last(self, phone: str) -> int:
        """Return the position of the newest line on a phone."""
        return len(self._threads.get(phone, ()))

    def lines(self, phone: str, *, after: int = 0, direction: str | None = None) -> list[dict[str, Any]]:
        """Return the lines of a phone behind a position."""
        thread = self._threads.get(phone, [])[max(after, 0) :]
        return [line for line in thread if direction in (None, line["direction"])]

    async def wait(self, phone: str, *, after: int, direction: str | None, wait_seconds: float) -> list[dict[str, Any]]:
        """Return the lines behind a position as soon as there are any, else none once the wait is over."""
        try:
            async with asyncio.timeout(wait_seconds):
                while not (found := self.lines(phone, after=after, direction=direction)):
                    await self._news.setdefault(phone, asyncio.Event()).wait()
        except TimeoutError:
            return []
        return found

    def numbers(self) -> list[str]:
        """Return the phones that ever said or received something."""
        return sorted(self._threads)
