"""However a stream is shuffled, doubled or cut into deliveries, it becomes the same events."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors._meta.signature import sign
from connectors.whatsapp import CONNECTOR
from hub.contracts import WebhookRequest, WebhookSecrets
from hub.pipeline.intake import OK, Intake, Route
from hub.settings import Limits
from tests.pipeline.ingest.rig import PATH, Rig, running
from tests.support.replying import until
from tests.support.webhooks import change, of_messages, other, text, webhook

PEOPLE = [f"52155{number:08d}" for number in range(12)]
ITEMS: list[dict[str, Any]] = [
    other(f"wamid.{number}", "image", sender=PEOPLE[number % 12])
    if number % 10 == 0
    else text(f"wamid.{number}", f"n{number}", sender=PEOPLE[number % 12])
    for number in range(300)
]


@pytest.mark.feature("NC-05", part="whatsapp")
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.randoms(use_true_random=False), st.integers(1, 40))
def test_a_shuffled_and_doubled_stream_gives_the_same_events(
    tmp_path_factory: pytest.TempPathFactory, chance: Any, size: int
) -> None:
    stream = [*ITEMS, *chance.sample(ITEMS, 60)]
    chance.shuffle(stream)
    bodies = [
        webhook(*(change(messages=[item]) for item in stream[first : first + size]))
        for first in range(0, len(stream), size)
    ]

    async def run() -> tuple[set[str], set[tuple[Any, ...]], dict[str, int]]:
        async with running(tmp_path_factory.mktemp("stream")) as rig:
            await rig.take(*bodies)
            sums = await rig.sums()
            assert sums.pop("deliveries") == len(bodies)
            return await _result(rig, sums)

    assert asyncio.run(run()) == _expected(tmp_path_factory)


_known: dict[str, Any] = {}


def _expected(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return what the stream becomes in order, item by item."""

    async def run() -> Any:
        async with running(tmp_path_factory.mktemp("plain")) as rig:
            await rig.take(*(of_messages(item) for item in ITEMS))
            await rig.sums()
            return await _result(rig, {"items": 360, "published": 300, "duplicate": 60})

    if "result" not in _known:
        _known["result"] = asyncio.run(run())
    return _known["result"]


async def _result(rig: Rig, sums: dict[str, int]) -> tuple[set[str], set[tuple[Any, ...]], dict[str, int]]:
    """Return message events, messages, counts; who opened a conversation first depends on the order."""
    ids = {event.id for event in await rig.events("message.%")}
    rows = await rig.rows(
        "SELECT m.id, m.kind, m.text, m.provider_id, i.alias FROM messages m"
        " JOIN conversations c ON c.id = m.conversation_id JOIN identities i ON i.contact_id = c.contact_id"
    )
    return ids, {tuple(row) for row in rows}, sums


@pytest.mark.feature("OP-03")
async def test_a_hundred_parallel_copies_are_one_event(rig: Rig) -> None:
    secrets = WebhookSecrets(signing=(b"secret",))
    routes = {PATH: Route(CONNECTOR, "main", lambda: secrets)}
    intake = Intake(rig.journal, routes, rig.clock, Limits())
    body = of_messages(text("wamid.1"))
    request = WebhookRequest("POST", PATH, "", {"x-hub-signature-256": sign(body, b"secret")}, body)
    ingester = rig.ingester()
    ingesting = asyncio.create_task(ingester.run())

    answers = await asyncio.gather(*(intake.take(request, f"10.0.0.{number}") for number in range(100)))
    ingester.wake()
    await until(lambda: _taken(rig, 100), "all copies were ingested")

    ingesting.cancel()
    await asyncio.gather(ingesting, return_exceptions=True)
    assert set(answers) == {OK}
    assert len(await rig.events("message.received")) == await rig.count("messages") == 1
    assert await rig.sums() == {"deliveries": 100, "items": 100, "published": 1, "duplicate": 99}


async def _taken(rig: Rig, deliveries: int) -> bool:
    return (await rig.sums()).get("deliveries", 0) == deliveries


def _bodies(path: Path) -> Iterable[bytes]:
    return (file.read_bytes() for file in sorted(path.glob("*.json")))


async def test_every_recorded_sample_is_accounted_for(rig: Rig) -> None:
    samples = Path(__file__).parents[3] / "connectors" / "whatsapp" / "samples"
    bodies = list(_bodies(samples))
    await rig.take(*bodies, *bodies)

    sums = await rig.sums()
    assert sums["deliveries"] == 2 * len(bodies) > 30
    assert (
        await rig.count("deliveries", "state = 'ingested'") + await rig.count("deliveries", "state = 'refused'")
        == (sums["deliveries"])
    )
