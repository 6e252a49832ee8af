"""Admits what providers push: verified over the raw bytes, on disk before it is answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from pydantic_core import to_json

from hub import killpoints
from hub.contracts import Connector, Handshake, WebhookRequest, WebhookSecrets
from hub.errors import JournalUnavailable, Misconfigured, SignatureMismatch
from hub.pipeline.failure_limit import FailureLimit
from hub.pipeline.journal import JournalWriter
from hub.ports import Clock
from hub.settings import Limits
from hub.store.types import to_microseconds
from hub.telemetry import logger, metrics

log = logger("intake")

_KEPT_HEADERS: Final = ("content-type", "user-agent", "x-hub-signature-256")
_METHODS: Final = frozenset({"GET", "POST"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider is told."""

    status: int
    body: bytes = b""
    retry_after_seconds: int | None = None


OK: Final = Answer(200)
UNKNOWN_ADDRESS: Final = Answer(404, b"no such webhook")
BAD_METHOD: Final = Answer(405, b"GET or POST")
BAD_SIGNATURE: Final = Answer(401, b"signature mismatch")
TOO_MANY_BAD: Final = Answer(429, b"too many failed signatures", 60)
HEADERS_TOO_LARGE: Final = Answer(431, b"headers too large")
NOT_READY: Final = Answer(503, b"not ready", 5)
FULL: Final = Answer(503, b"full", 1)
TOO_LARGE: Final = Answer(413, b"too large")


@dataclass(frozen=True, slots=True)
class Route:
    """One webhook address: whose it is, with the secrets that prove it."""

    connector: Connector
    app: str
    secrets: Callable[[], WebhookSecrets]


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of a request before its body.

    Attributes:
        header_bytes: Size of request line with headers.
        length: The declared size of the body, None when it comes in chunks.
        source: Whose allowance of failed signatures it counts against.
    """

    method: str
    path: str
    header_bytes: int
    length: int | None
    source: str


class Intake:
    """The admission desk of one receiver."""

    def __init__(self, journal: JournalWriter, routes: Mapping[str, Route], clock: Clock, limits: Limits) -> None:
        """Serve ``routes``, by path."""
        self.limits = limits
        self.closing = False
        self.draining = False
        self._taking = 0
        self._failures = FailureLimit(clock, limits.bad_signatures_burst, limits.bad_signatures_per_second)
        self._journal = journal
        self._routes = routes
        self._clock = clock
        self._in_flight = 0
        names = {route.connector.name for route in routes.values()}
        # Looked up once: labels() costs more than all the rest of counting.
        self._received = {name: metrics.received.labels(name) for name in names}
        self._accepted = {name: metrics.accepted.labels(name) for name in names}

    @property
    def ready(self) -> bool:
        """Whether a genuine delivery would be taken now."""
        return self._journal.ready and not self.closing and not self.draining

    @property
    def is_idle(self) -> bool:
        """Whether nothing is on its way into the journal."""
        return self._taking == 0

    def admit(self, head: Head) -> Answer | None:  # noqa: PLR0911 - one for each reason
        """Answer what need not be read at all; None to read on."""
        length = head.length or 0
        if head.header_bytes > self.limits.header_bytes:
            return self.refuse(head.path, "headers", HEADERS_TOO_LARGE)
        if head.path not in self._routes:
            return self.refuse(head.path, "address", UNKNOWN_ADDRESS)
        if head.method not in _METHODS:
            return self.refuse(head.path, "method", BAD_METHOD)
        if length > self.limits.body_bytes:
            return self.refuse(head.path, "too_large", TOO_LARGE)
        if not self.ready:
            return self.refuse(head.path, "not_ready", NOT_READY)
        if self._failures.exhausted(head.source):
            return self.refuse(head.path, "source_limited", TOO_MANY_BAD)
        # Room is taken as bytes arrive, not as declared: else a few idle sockets could claim all of it.
        return None if self._has_room(length) else self.refuse(head.path, "full", FULL)

    def reserve(self, size: int) -> bool:
        """Count bytes of a body into those in flight; False when there is no room."""
        if not self._has_room(size):
            return False
        self._in_flight += size
        return True

    def release(self, size: int) -> None:
        """Count bytes out again."""
        self._in_flight -= size

    async def take(self, request: WebhookRequest, source: str) -> Answer:  # noqa: PLR0911 - one for each reason
        """Verify a request, write it to the journal, only then answer 200."""
        route = self._routes[request.path]
        name = route.connector.name
        self._received[name].inc()
        killpoints.reached("intake.received")
        try:
            handshake = route.connector.verify(request, route.secrets())
        except SignatureMismatch:
            self._failures.failed(source)
            return self.refuse(request.path, "signature", BAD_SIGNATURE)
        except Misconfigured as error:
            log.error("a secret cannot be had", connector=name, problems=error.problems)  # noqa: TRY400 - no bug
            return self.refuse(request.path, "secret", NOT_READY)
        except Exception:
            # Not 401: if it was genuine the provider must send it again once we are mended.
            log.exception("a connector could not verify a request", connector=name)
            return self.refuse(request.path, "broken", NOT_READY)
        self._failures.genuine(source)
        if isinstance(handshake, Handshake):
            return Answer(handshake.status, handshake.body.encode())
        headers = {key: request.headers[key] for key in _KEPT_HEADERS if key in request.headers}
        received = to_microseconds(self._clock.now())
        kept = to_json(headers).decode()
        if self.draining:
            return self.refuse(request.path, "not_ready", NOT_READY)
        self._taking += 1
        try:
            await self._journal.append(
                (received, name, route.app, request.method, request.path, kept, request.body),
            )
        except JournalUnavailable:
            return self.refuse(request.path, "journal", NOT_READY)
        finally:
            self._taking -= 1
        self._accepted[name].inc()
        return OK

    def refuse(self, path: str, reason: str, answer: Answer) -> Answer:
        """Count a refusal, then return its answer."""
        route = self._routes.get(path)
        metrics.refused.labels(route.connector.name if route else "unknown", reason).inc()
        return answer

    def _has_room(self, size: int) -> bool:
        return self._in_flight + size <= self.limits.bodies_in_flight_bytes
