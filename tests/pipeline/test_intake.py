"""The admission desk: what is refused before it is read, what is kept before it is answered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.contracts import WebhookRequest, WebhookSecrets
from hub.errors import Misconfigured
from hub.pipeline.failure_limit import FailureLimit
from hub.pipeline.intake import Answer, Head, Intake, Route
from hub.pipeline.journal import JournalWriter
from hub.settings import Limits
from hub.telemetry import metrics
from tests.support.clock import FakeClock
from tests.support.counts import counted
from tests.support.journals import a_writer, bodies, read_all
from tests.support.stub_connector import CONNECTOR, PATH, secrets

LIMITS = Limits(body_bytes=1000, bodies_in_flight_bytes=2500, header_bytes=500, bad_signatures_burst=3)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[JournalWriter]:
    async with a_writer(tmp_path / "journal").running() as journal:
        yield journal


@pytest.fixture
def intake(journal: JournalWriter, clock: FakeClock) -> Intake:
    return Intake(journal, {PATH: Route(CONNECTOR, "app", secrets)}, clock, LIMITS)


def a_head(**more: Any) -> Head:
    """Return the head of an ordinary request."""
    return Head(**{"method": "POST", "path": PATH, "header_bytes": 100, "length": 10, "source": "a", **more})


def a_request(body: bytes = b"{}", *, signature: str = "good", **headers: str) -> WebhookRequest:
    """Return a whole request."""
    given = {"x-signature": signature, **{name.replace("_", "-"): text for name, text in headers.items()}}
    return WebhookRequest("POST", PATH, "", given, body)


def refused(connector: str, reason: str) -> float:
    """Return how often a connector's requests were refused for a reason."""
    return counted(metrics.refused.labels(connector, reason))


@pytest.mark.parametrize(
    ("head", "status", "reason"),
    [
        (a_head(header_bytes=501), 431, "headers"),
        (a_head(path="/webhooks/other/app"), 404, "address"),
        (a_head(path="/webhooks/other/app", method="DELETE"), 404, "address"),
        (a_head(method="HEAD"), 405, "method"),
        (a_head(method="PUT"), 405, "method"),
        (a_head(length=1001), 413, "too_large"),
    ],
)
async def test_what_cannot_be_taken_is_refused_unread(intake: Intake, head: Head, status: int, reason: str) -> None:
    connector = "test" if head.path == PATH else "unknown"
    before = refused(connector, reason)

    answer = intake.admit(head)

    assert answer is not None
    assert answer.status == status
    assert refused(connector, reason) == before + 1


async def test_the_largest_body_is_read(intake: Intake) -> None:
    assert intake.admit(a_head(length=1000)) is None
    assert intake.admit(a_head(length=None)) is None
    assert intake.admit(a_head(method="GET", length=None)) is None


async def test_bodies_share_their_room(intake: Intake) -> None:
    assert intake.reserve(1000)
    assert intake.reserve(1000)
    assert intake.admit(a_head(length=500)) is None
    full = intake.admit(a_head(length=501))
    assert not intake.reserve(501)
    intake.release(1000)

    assert full == Answer(503, b"full", 1)
    assert intake.admit(a_head(length=501)) is None


async def test_a_genuine_delivery_is_on_disk_before_its_answer(intake: Intake, journal: JournalWriter) -> None:
    accepted = counted(metrics.accepted.labels("test"))
    request = a_request(b'{"a": 1}', content_type="application/json", user_agent="x", authorization="secret")

    answer = await intake.take(request, "a")

    assert answer.status == 200
    (entry,) = read_all(journal.directory)
    assert entry.delivery.body == b'{"a": 1}'
    assert entry.delivery.headers == {"content-type": "application/json", "user-agent": "x"}
    assert counted(metrics.accepted.labels("test")) == accepted + 1


async def test_a_forged_delivery_leaves_only_a_count(intake: Intake, journal: JournalWriter) -> None:
    before = refused("test", "signature")

    assert (await intake.take(a_request(signature="bad"), "a")).status == 401

    assert refused("test", "signature") == before + 1
    assert bodies(journal.directory) == []


async def test_both_secrets_count_while_one_replaces_the_other(journal: JournalWriter, clock: FakeClock) -> None:
    active: list[tuple[bytes, ...]] = [(b"old",)]
    route = Route(CONNECTOR, "app", lambda: WebhookSecrets(signing=active[0]))
    intake = Intake(journal, {PATH: route}, clock, LIMITS)

    async def statuses() -> list[int]:
        return [(await intake.take(a_request(signature=name), name)).status for name in ("old", "new")]

    assert await statuses() == [200, 401]
    active[0] = (b"new", b"old")
    assert await statuses() == [200, 200]
    active[0] = (b"new",)
    assert await statuses() == [401, 200]


async def test_a_handshake_is_answered_but_not_kept(intake: Intake, journal: JournalWriter) -> None:
    request = WebhookRequest("GET", PATH, "challenge", {}, b"")

    assert await intake.take(request, "a") == Answer(200, b"challenge")
    assert bodies(journal.directory) == []


async def test_a_secret_that_cannot_be_read_is_no_fault_of_the_sender(journal: JournalWriter, clock: FakeClock) -> None:
    def lost() -> WebhookSecrets:
        raise Misconfigured(["app.secret: cannot be read (No such file or directory)"])

    intake = Intake(journal, {PATH: Route(CONNECTOR, "app", lost)}, clock, LIMITS)

    answer = await intake.take(a_request(), "a")

    assert (answer.status, answer.retry_after_seconds) == (503, 5)


async def test_a_broken_check_makes_the_provider_try_again(journal: JournalWriter, clock: FakeClock) -> None:
    def fail(request: WebhookRequest, known: WebhookSecrets) -> None:
        raise ZeroDivisionError

    broken = replace(CONNECTOR, verify=fail)
    intake = Intake(journal, {PATH: Route(broken, "app", secrets)}, clock, LIMITS)

    assert (await intake.take(a_request(), "a")).status == 503
    assert bodies(journal.directory) == []


async def test_without_a_journal_nothing_is_taken(intake: Intake, journal: JournalWriter) -> None:
    journal.ready = False

    early, late = intake.admit(a_head()), await intake.take(a_request(), "a")

    assert not intake.ready
    assert early == late == Answer(503, b"not ready", 5)


async def test_a_stopping_hub_takes_nothing_more(intake: Intake) -> None:
    intake.closing = True

    assert not intake.ready
    assert intake.admit(a_head()) == Answer(503, b"not ready", 5)


async def test_a_forger_is_cut_off_then_forgiven(intake: Intake, clock: FakeClock) -> None:
    for _ in range(3):
        assert intake.admit(a_head()) is None
        await intake.take(a_request(signature="bad"), "a")

    answer = intake.admit(a_head())
    assert answer is not None
    assert (answer.status, answer.retry_after_seconds) == (429, 60)
    assert intake.admit(a_head(source="b")) is None
    clock.move(timedelta(seconds=1))
    assert intake.admit(a_head()) is None


async def test_a_forger_cannot_shut_out_whom_a_proxy_hides_with_it(intake: Intake) -> None:
    await intake.take(a_request(), "proxy")
    for _ in range(10):
        await intake.take(a_request(signature="bad"), "proxy")

    assert intake.admit(a_head(source="proxy")) is None


def test_sources_are_forgotten_before_they_fill_the_memory(clock: FakeClock) -> None:
    limit = FailureLimit(clock, burst=1, per_second=0.001)
    for number in range(25_000):
        limit.failed(f"forger {number}")
        limit.genuine(f"provider {number}")

    assert len(limit._buckets) == len(limit._genuine) == 10_000
    assert limit.exhausted("forger 24999")
    assert not limit.exhausted("forger 0")


def test_an_allowance_never_grows_beyond_its_burst(clock: FakeClock) -> None:
    limit = FailureLimit(clock, burst=2, per_second=1)
    limit.failed("a")
    clock.move(timedelta(days=1))

    for left in (False, True):
        limit.failed("a")
        assert limit.exhausted("a") is left
