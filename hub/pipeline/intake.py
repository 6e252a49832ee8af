"""Admits what providers push: verified over the raw bytes, on disk before it is answered."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from pydantic_core import to_json

from hub import killpoints
from hub.contracts import Connector, Handshake, WebhookRequest, WebhookSecrets
from hub.errors import JournalUnavailable, Misconfigured, SignatureMismatch
from hub.pipeline.journal import JournalWriter
from hub.ports import Clock
from hub.settings import Limits
from hub.store.types import to_microseconds
from hub.telemetry import metrics

_KEPT_HEADERS: Final = ("content-type", "user-agent", "x-hub-signature-256")
_SOURCES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider is told."""

    status: int
    body: bytes = b""
    retry_after_seconds: int | None = None


OK: Final = Answer(200)
UNKNOWN_ADDRESS: Final = Answer(404, b"no such webhook")
BAD_SIGNATURE: Final = Answer(401, b"signature mismatch")
TOO_MANY_BAD: Final = Answer(429, b"too many failed signatures", 60)
NOT_READY: Final = Answer(503, b"not ready", 5)
FULL: Final = Answer(503, b"full", 1)
TOO_LARGE: Final = Answer(413, b"too large")


@dataclass(frozen=True, slots=True)
class Route:
    """One webhook address: whose it is, with the secrets that prove it."""

    connector: Connector
    app: str
    secrets: Callable[[], WebhookSecrets]


class FailureLimit:
    """How many failed signatures a source may send.

    A source that was ever genuine is not limited: behind a proxy that hides the senders, a forger must not be able to
    shut the provider out. Bounded: the source seen longest ago is forgotten first.
    """

    def __init__(self, clock: Clock, burst: int, per_second: float) -> None:
        """Allow ``burst`` at once, refilled at ``per_second``."""
        self._clock = clock
        self._burst = burst
        self._per_second = per_second
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._genuine: OrderedDict[str, None] = OrderedDict()

    def exhausted(self, source: str) -> bool:
        """Tell whether the source has used its allowance up."""
        if source not in self._buckets or source in self._genuine:
            return False
        return self._tokens(source) < 1

    def failed(self, source: str) -> None:
        """Take one from the source's allowance."""
        self._buckets[source] = (self._tokens(source) - 1, self._clock.monotonic())
        self._buckets.move_to_end(source)
        if len(self._buckets) > _SOURCES:
            self._buckets.popitem(last=False)

    def genuine(self, source: str) -> None:
        """Remember that the source has proved itself."""
        if source not in self._genuine:
            self._genuine[source] = None
            if len(self._genuine) > _SOURCES:
                self._genuine.popitem(last=False)

    def _tokens(self, source: str) -> float:
        tokens, at = self._buckets.get(source, (float(self._burst), self._clock.monotonic()))
        return min(self._burst, tokens + (self._clock.monotonic() - at) * self._per_second)


class Intake:
    """The admission desk of one receiver."""

    def __init__(self, journal: JournalWriter, routes: Mapping[str, Route], clock: Clock, limits: Limits) -> None:
        """Serve ``routes``, by path."""
        self.limits = limits
        self.failures = FailureLimit(clock, limits.bad_signatures_burst, limits.bad_signatures_per_second)
        self._journal = journal
        self._routes = routes
        self._clock = clock
        self._in_flight = 0

    @property
    def ready(self) -> bool:
        """Whether a genuine delivery would be taken now."""
        return self._journal.ready

    def admit(self, path: str, length: int | None, source: str) -> Answer | None:
        """Answer what need not be read at all; None to read on."""
        if path not in self._routes:
            return self._refused("unknown", "address", UNKNOWN_ADDRESS)
        name = self._routes[path].connector.name
        if length is not None and length > self.limits.body_bytes:
            return self._refused(name, "too_large", TOO_LARGE)
        if not self._journal.ready:
            return self._refused(name, "not_ready", NOT_READY)
        if self.failures.exhausted(source):
            return self._refused(name, "source_limited", TOO_MANY_BAD)
        return None

    def reserve(self, size: int) -> bool:
        """Count bytes of a body into those in flight; False when there is no room."""
        if self._in_flight + size > self.limits.bodies_in_flight_bytes:
            return False
        self._in_flight += size
        return True

    def release(self, size: int) -> None:
        """Count bytes out again."""
        self._in_flight -= size

    async def take(self, request: WebhookRequest, source: str) -> Answer:
        """Verify a request, write it to the journal, only then answer 200."""
        route = self._routes[request.path]
        name = route.connector.name
        metrics.received.labels(name).inc()
        killpoints.reached("intake.received")
        try:
            handshake = route.connector.verify(request, route.secrets())
        except SignatureMismatch:
            self.failures.failed(source)
            return self._refused(name, "signature", BAD_SIGNATURE)
        except Misconfigured:
            return self._refused(name, "secret", NOT_READY)
        self.failures.genuine(source)
        if isinstance(handshake, Handshake):
            return Answer(handshake.status, handshake.body.encode())
        headers = {key: request.headers[key] for key in _KEPT_HEADERS if key in request.headers}
        row = (
            to_microseconds(self._clock.now()),
            name,
            route.app,
            request.method,
            request.path,
            to_json(headers).decode(),
            request.body,
        )
        try:
            await self._journal.append(row)
        except JournalUnavailable:
            return self._refused(name, "journal", NOT_READY)
        metrics.accepted.labels(name).inc()
        return OK

    def refuse_large(self, path: str) -> Answer:
        """Refuse a body that turned out larger than it may be."""
        return self._refused(self._routes[path].connector.name, "too_large", TOO_LARGE)

    def refuse_full(self, path: str) -> Answer:
        """Refuse a body that there is no room for."""
        return self._refused(self._routes[path].connector.name, "full", FULL)

    @staticmethod
    def _refused(connector: str, reason: str, answer: Answer) -> Answer:
        metrics.refused.labels(connector, reason).inc()
        return answer
