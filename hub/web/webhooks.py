"""The public listener: webhooks as raw ASGI, nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from hub.contracts import WebhookRequest
from hub.pipeline.intake import NOT_READY, OK, Answer, Intake

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_PLAIN: Final = [(b"content-type", b"text/plain; charset=utf-8"), (b"x-content-type-options", b"nosniff")]
_HEADERS_TOO_LARGE: Final = Answer(431, b"headers too large")
_METHOD: Final = Answer(405, b"GET or POST")
_OK_START: Final = {"type": "http.response.start", "status": 200, "headers": [*_PLAIN, (b"content-length", b"0")]}
_OK_BODY: Final = {"type": "http.response.body", "body": b""}


class _Gone(Exception):
    """The client went away before its body was whole."""


class WebhookApp:
    """Translates between ASGI with its messages, the intake with its answers."""

    def __init__(self, intake: Intake, trusted_proxies: tuple[str, ...] = ()) -> None:
        """Serve ``intake``; believe ``X-Forwarded-For`` only from the named peers."""
        self._intake = intake
        self._trusted = frozenset(trusted_proxies)
        self.closing = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        try:
            answer = await self._answer(scope, receive)
        except _Gone:
            return
        if answer is OK:
            await send(_OK_START)
            await send(_OK_BODY)
            return
        headers = [*_PLAIN, (b"content-length", str(len(answer.body)).encode())]
        if answer.retry_after_seconds is not None:
            headers.append((b"retry-after", str(answer.retry_after_seconds).encode()))
        if answer.status >= 400:  # noqa: PLR2004 - an unread body may still be on its way
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        raw: list[tuple[bytes, bytes]] = scope["headers"]
        if sum(len(name) + len(value) for name, value in raw) > self._intake.limits.header_bytes:
            return _HEADERS_TOO_LARGE
        if scope["method"] not in {"GET", "POST"}:
            return _METHOD
        if self.closing:
            return NOT_READY
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in raw}
        path, source = scope["path"], self._source(scope, headers)
        length = headers.get("content-length", "")
        early = self._intake.admit(path, int(length) if length.isdecimal() else None, source)
        if early is not None:
            return early
        body = await self._body(path, receive)
        if isinstance(body, Answer):
            return body
        request = WebhookRequest(scope["method"], path, scope["query_string"].decode("latin-1"), headers, body)
        return await self._intake.take(request, source)

    async def _body(self, path: str, receive: Receive) -> bytes | Answer:
        chunks: list[bytes] = []
        held = 0
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _Gone
                chunk = message.get("body", b"")
                if not self._intake.reserve(len(chunk)):
                    return self._intake.refuse_full(path)
                held += len(chunk)
                if held > self._intake.limits.body_bytes:
                    return self._intake.refuse_large(path)
                chunks.append(chunk)
                if not message.get("more_body", False):
                    return b"".join(chunks)
        finally:
            self._intake.release(held)

    def _source(self, scope: Scope, headers: dict[str, str]) -> str:
        peer: str = scope["client"][0] if scope.get("client") else ""
        if peer in self._trusted:
            return headers.get("x-forwarded-for", peer).rsplit(",", 1)[-1].strip()
        return peer
