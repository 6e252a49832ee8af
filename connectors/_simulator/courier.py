"""Brings signed webhooks to the hub, as stubbornly as a provider does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx

from connectors._simulator.collector import Collector
from connectors._simulator.faults import FaultPlan
from connectors._simulator.ledger import Ledger
from connectors._simulator.options import PlayOptions

OK: Final = 200


@dataclass(frozen=True)
class Update:
    """One piece of a webhook with what it is about, for the ledger.

    Attributes:
        phone: Whose phone it is about; the first attempts at its webhooks keep their order.
        content: The piece, in the provider's shape.
        about: Pairs of message id with ``message`` or the status.
    """

    phone: str
    content: dict[str, Any]
    about: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Webhook:
    """One body on its way."""

    id: str
    phone: str
    body: bytes


class Courier:
    """Sends updates as webhooks until each is answered with 200."""

    def __init__(
        self,
        options: PlayOptions,
        ledger: Ledger,
        faults: FaultPlan[Any],
        wire: Callable[[Sequence[Update]], bytes],
        headers: Callable[[bytes], Mapping[str, str]],
    ) -> None:
        """Remember which webhooks of an earlier run nobody accepted.

        Args:
            options: Where to send, how often.
            ledger: What happened.
            faults: What goes wrong on purpose.
            wire: Returns the body that holds some updates.
            headers: Returns what goes with a body, its signature above all.
        """
        self._options = options
        self._ledger = ledger
        self._faults = faults
        self._wire = wire
        self._headers = headers
        self._lanes: dict[str, asyncio.Lock] = {}
        self._batches: Collector[Update] = Collector(self._send_batch, options.hold_seconds)
        self._order: Collector[Webhook] = Collector(self._send_all, options.hold_seconds)
        self._tasks: set[asyncio.Task[None]] = set()
        self._client: httpx.AsyncClient | None = None

    async def start(self) -> None:
        """Begin to send, first of all what an earlier run could not bring."""
        self._client = httpx.AsyncClient(
            timeout=self._options.webhook_timeout_seconds, trust_env=False, follow_redirects=False
        )
        for webhook in self._undelivered():
            self.spawn(self._bring(webhook))

    async def stop(self) -> None:
        """Drop what is on its way; the ledger knows it."""
        self._batches.flush()
        self._order.flush()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._client:
            await self._client.aclose()
            self._client = None

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something beside, until ``stop``."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def post(self, update: Update) -> None:
        """Send one update, or hold it while the faults collect a batch."""
        self._batches.add([update], wanted=self._faults.current.batch)

    def post_together(self, updates: list[Update], *, times: int = 1) -> str:
        """Send updates as one webhook, some times over; return its id."""
        return self.post_body(self._wire(updates), updates, times=times)

    def post_body(self, body: bytes, updates: Sequence[Update] = (), *, times: int = 1) -> str:
        """Sign bytes as they are, then send them; return the webhook's id."""
        webhook = Webhook(
            "wh_" + self._options.randomness.token()[:16], ",".join(sorted({update.phone for update in updates})), body
        )
        self._ledger.add(
            "webhook",
            webhook=webhook.id,
            phone=webhook.phone,
            about=[list(pair) for update in updates for pair in update.about],
            body=body.decode("utf-8", "surrogateescape"),
        )
        copies = [webhook] * (times + self._faults.current.duplicate)
        self._order.add(copies, wanted=self._faults.current.reorder)
        return webhook.id

    async def ask(self, query: Mapping[str, str]) -> tuple[int | None, str]:
        """GET the hub's address as a provider does that checks it; return status with body."""
        if self._client is not None:
            with contextlib.suppress(httpx.HTTPError, OSError):
                response = await self._client.get(self._options.webhook_url, params=dict(query))
                return response.status_code, response.text
        return None, ""

    def _send_batch(self, updates: list[Update]) -> None:
        self.post_together(updates)

    def _send_all(self, webhooks: list[Webhook]) -> None:
        for webhook in reversed(webhooks) if self._faults.current.reorder else webhooks:
            self.spawn(self._bring(webhook))

    async def _bring(self, webhook: Webhook) -> None:
        await asyncio.sleep(self._faults.current.delay_ms / 1000)
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + self._options.give_up_seconds
        # First attempts of one phone keep their order, as they mostly do in life; retries wait for nobody.
        async with self._lanes.setdefault(webhook.phone, asyncio.Lock()):
            done = await self._attempt(webhook, 1)
        attempt = 1
        while not done:
            ladder = self._options.retry_seconds
            await asyncio.sleep(ladder[min(attempt, len(ladder)) - 1])
            if loop.time() > give_up_at:
                self._ledger.add("given_up", webhook=webhook.id)
                return
            attempt += 1
            done = await self._attempt(webhook, attempt)

    async def _attempt(self, webhook: Webhook, attempt: int) -> bool:
        status, trouble = None, None
        if self._client is None:
            return False
        headers = {"content-type": "application/json", **self._headers(webhook.body)}
        try:
            response = await self._client.post(self._options.webhook_url, content=webhook.body, headers=headers)
            status = response.status_code
        except (httpx.HTTPError, OSError) as error:
            trouble = type(error).__name__
        self._ledger.add("attempt", webhook=webhook.id, attempt=attempt, status=status, trouble=trouble)
        return status == OK

    def _undelivered(self) -> list[Webhook]:
        waiting: dict[str, Webhook] = {}
        for entry in self._ledger.entries:
            if entry["kind"] == "webhook":
                body = entry["body"].encode("utf-8", "surrogateescape")
                waiting[entry["webhook"]] = Webhook(entry["webhook"], entry["phone"], body)
            elif entry["kind"] == "given_up" or (entry["kind"] == "attempt" and entry["status"] == OK):
                waiting.pop(entry["webhook"], None)
        return list(waiting.values())
