"""What each connector's recorded payloads become: one envelope, one key a conversation, one id a fact, its raw item."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.facebook import CONNECTOR as FACEBOOK
from hub import discovery
from hub.contracts import RawDelivery
from schemas.envelope import CloudEvent, data_model
from tests.connectors.samples import recorded
from tests.pipeline.ingest.rig import Rig, running
from tests.support.clock import MONDAY_MORNING
from tests.support.webhooks import of_messages, other, text

LIVE = sorted(discovery.connectors())
PAGE = "345670000000003"


def proving(feature: str) -> list[Any]:
    """Return every connector with the part of the feature that its run proves."""
    return [pytest.param(name, marks=pytest.mark.feature(feature, part=name), id=name) for name in LIVE]


def bodies_of(connector: str) -> list[bytes]:
    """Return all recorded payloads of a connector."""
    return [path.read_bytes() for name, path in recorded() if name == connector]


async def events_of(rig: Rig, connector: str, bodies: Sequence[bytes]) -> list[CloudEvent[Any]]:
    """Take the payloads, then return what they state themselves."""
    rig.connectors[connector] = discovery.connectors()[connector]
    await rig.take(*bodies, connector=connector)
    return [event for event in await rig.events() if event.source.startswith(f"/{connector}/")]


@pytest.mark.parametrize("connector", proving("NC-02"))
async def test_all_that_is_stated_fits_the_one_envelope(rig: Rig, connector: str) -> None:
    events = await events_of(rig, connector, bodies_of(connector))

    assert len({event.type for event in events}) > 5
    for event in events:
        model = data_model(event.type)
        assert CloudEvent[model].model_validate_json(event.model_dump_json()) == event  # type: ignore[valid-type]
        assert (event.specversion, event.dataschema) == ("1.0", f"urn:exsim-hub:schema:{event.type}")


@pytest.mark.parametrize("connector", proving("NC-01"))
async def test_every_event_points_to_its_raw_item(rig: Rig, connector: str) -> None:
    bodies = bodies_of(connector)
    events = await events_of(rig, connector, bodies)
    kept = {row.id: row for row in await rig.rows("SELECT * FROM deliveries")}

    assert {row.body for row in kept.values()} == set(bodies)
    assert len(events) > len(bodies) / 2
    for event in events:
        delivery, _, index = (event.causation or "").partition("/")
        row = kept[delivery]
        raw = RawDelivery(
            id=row.id,
            connector=connector,
            app=row.app,
            received_at=MONDAY_MORNING,
            method=row.method,
            path=row.path,
            headers=json.loads(row.headers),
            body=row.body,
        )
        assert int(index) < len(discovery.connectors()[connector].normalize(raw))
        told = getattr(event.data, "provider_message_id", None) or ""
        assert told in row.body.decode(errors="replace") or told.startswith("digest-"), event.type


@pytest.mark.parametrize("connector", proving("NC-05"))
async def test_what_is_delivered_again_has_the_same_id_in_any_database(
    rig: Rig, connector: str, tmp_path: Path
) -> None:
    bodies = bodies_of(connector)
    once = [event.id for event in await events_of(rig, connector, bodies)]

    again = [event.id for event in await events_of(rig, connector, bodies)]
    async with running(tmp_path / "another") as another:
        elsewhere = [event.id for event in await events_of(another, connector, bodies)]

    assert len(set(once)) == len(once) > len(bodies) / 2
    assert again == once
    assert elsewhere == once


def _on_whatsapp(number: int, who: int, *, readable: bool) -> dict[str, Any]:
    id_, sender = f"m{number}", f"52155{who:08d}"
    return text(id_, sender=sender) if readable else other(id_, "image", sender=sender)


def _on_facebook(number: int, who: int, *, readable: bool) -> dict[str, Any]:
    at = MONDAY_MORNING - timedelta(minutes=2) + timedelta(seconds=number)
    content: dict[str, Any] = {"text": f"n{number}"} if readable else {"attachments": [{"type": "hologram"}]}
    return {
        "sender": {"id": f"90000{who}"},
        "recipient": {"id": PAGE},
        "timestamp": int(at.timestamp() * 1000),
        "message": {"mid": f"m{number}", **content},
    }


def _page(*items: dict[str, Any]) -> bytes:
    return json.dumps({"object": "page", "entry": [{"id": PAGE, "time": 1, "messaging": list(items)}]}).encode()


Make = Callable[..., dict[str, Any]]
SPOKEN: dict[str, tuple[Make, Callable[..., bytes]]] = {
    "whatsapp": (_on_whatsapp, of_messages),
    "facebook": (_on_facebook, _page),
}


@pytest.mark.parametrize("connector", proving("NC-04"))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(said=st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=40), size=st.integers(1, 9))
def test_a_conversation_has_one_key_in_the_order_of_arrival(
    tmp_path_factory: pytest.TempPathFactory, connector: str, said: list[tuple[int, bool]], size: int
) -> None:
    make, body = SPOKEN[connector]
    items = [make(number, who, readable=readable) for number, (who, readable) in enumerate(said)]

    async def run() -> list[tuple[str, str]]:
        async with running(tmp_path_factory.mktemp("keys")) as rig:
            rig.connectors["facebook"] = FACEBOOK
            cut = [items[first : first + size] for first in range(0, len(items), size)]
            await rig.take(*(body(*some) for some in cut), connector=connector)
            events = await rig.events("message.%")
            assert {event.partitionkey for event in events} == {
                event.partitionkey for event in await rig.events("conversation.opened")
            }
            return [(event.partitionkey, event.data.provider_message_id) for event in events]

    by_key: dict[str, list[str]] = {}
    for key, id_ in asyncio.run(run()):
        by_key.setdefault(key, []).append(id_)
    by_person: dict[int, list[str]] = {}
    for number, (who, _) in enumerate(said):
        by_person.setdefault(who, []).append(f"m{number}")
    assert sorted(by_key.values()) == sorted(by_person.values())
