"""The public listener: webhooks as raw ASGI, nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from hub.contracts import WebhookRequest
from hub.pipeline.intake import BAD_METHOD, FULL, OK, TOO_LARGE, Answer, Head, Intake

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_PLAIN: Final = [(b"content-type", b"text/plain; charset=utf-8"), (b"x-content-type-options", b"nosniff")]
_OK_START: Final = {"type": "http.response.start", "status": 200, "headers": [*_PLAIN, (b"content-length", b"0")]}
_END: Final = {"type": "http.response.body", "body": b""}
_LINGER_SECONDS: Final = 2.0


class _Gone(Exception):
    """The client went away before its body was whole."""


class _Body:
    """One request's body, counted into the bodies in flight until ``release``."""

    def __init__(self, path: str, receive: Receive, intake: Intake) -> None:
        self.whole = False
        self._path = path
        self._receive = receive
        self._intake = intake
        self._held = 0

    async def read(self) -> bytes | Answer:
        """Return the body, or why it is refused as soon as that is known."""
        body = bytearray()
        while True:
            chunk = await self._chunk()
            if len(body) + len(chunk) > self._intake.limits.body_bytes:
                return self._intake.refuse(self._path, "too_large", TOO_LARGE)
            if not self._intake.reserve(len(chunk)):
                return self._intake.refuse(self._path, "full", FULL)
            self._held += len(chunk)
            if self.whole and not body:
                return chunk
            body += chunk
            if self.whole:
                return bytes(body)

    async def discard(self) -> None:
        """Read what is still coming for a moment: closing on unread bytes would cut the answer off as well."""
        left = self._intake.limits.body_bytes
        with contextlib.suppress(TimeoutError, _Gone):
            async with asyncio.timeout(_LINGER_SECONDS):
                while not self.whole and left > 0:
                    left -= len(await self._chunk())

    def release(self) -> None:
        """Count the body out."""
        self._intake.release(self._held)
        self._held = 0

    async def _chunk(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        self.whole = not message.get("more_body", False)
        chunk: bytes = message.get("body", b"")
        return chunk


class WebhookApp:
    """Translates between ASGI with its messages, the intake with its answers."""

    def __init__(self, intake: Intake, trusted_proxies: tuple[str, ...] = ()) -> None:
        """Serve ``intake``; believe ``X-Forwarded-For`` only from the named addresses or networks."""
        self._intake = intake
        self._trusted = [ipaddress.ip_network(peer, strict=False) for peer in trusted_proxies]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        body = _Body(scope["path"], receive, self._intake)
        try:
            answer = await self._answer(scope, body)
        except _Gone:
            return
        finally:
            body.release()
        # uvloop raises on a transport that the other side, or a parse error behind a pipelined request, has closed.
        with contextlib.suppress(RuntimeError, OSError):
            await _send(answer, body, send)

    async def _answer(self, scope: Scope, body: _Body) -> Answer:
        raw: list[tuple[bytes, bytes]] = scope["headers"]
        size = sum(len(name) + len(value) for name, value in raw) + len(scope["raw_path"]) + len(scope["query_string"])
        headers = _joined(raw)
        declared = headers.get("content-length", "")
        length = int(declared) if declared.isdecimal() else None
        source = self._source(scope, headers)
        head = Head(scope["method"], scope["path"], size, length, source)
        early = self._intake.admit(head)
        if early is not None:
            # A body of no bytes is whole although nobody read it.
            body.whole = length == 0 or not {"content-length", "transfer-encoding"} & headers.keys()
            return early
        found = await body.read()
        if isinstance(found, Answer):
            return found
        query = scope["query_string"].decode("latin-1")
        return await self._intake.take(WebhookRequest(head.method, head.path, query, headers, found), source)

    def _source(self, scope: Scope, headers: dict[str, str]) -> str:
        """Return who sends: the last address on the way that is none of our proxies."""
        source: str = scope["client"][0] if scope.get("client") else ""
        hops = [hop.strip() for hop in headers.get("x-forwarded-for", "").split(",") if hop.strip()]
        while hops and self._is_trusted(source):
            source = hops.pop()
        return _one_sender(source)

    def _is_trusted(self, peer: str) -> bool:
        if not self._trusted:
            return False
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        return any(address in network for network in self._trusted)


def _joined(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers by name; a repeated one is a list, so that two signatures never pass for one."""
    headers: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


async def _send(answer: Answer, body: _Body, send: Send) -> None:
    if answer is OK:
        await send(_OK_START)
    else:
        await send({"type": "http.response.start", "status": answer.status, "headers": _headers(answer, body)})
        await send({"type": "http.response.body", "body": answer.body, "more_body": True})
        await body.discard()
    await send(_END)


def _headers(answer: Answer, body: _Body) -> list[tuple[bytes, bytes]]:
    headers = [*_PLAIN, (b"content-length", str(len(answer.body)).encode())]
    if answer.retry_after_seconds is not None:
        headers.append((b"retry-after", str(answer.retry_after_seconds).encode()))
    if answer is BAD_METHOD:
        headers.append((b"allow", b"GET, POST"))
    if not body.whole:
        headers.append((b"connection", b"close"))
    return headers


def _one_sender(address: str) -> str:
    """Return what stands for one sender: who has one IPv6 address has its whole /64."""
    if ":" not in address:
        return address
    try:
        parsed = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    return str(parsed.ipv4_mapped or ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)))
