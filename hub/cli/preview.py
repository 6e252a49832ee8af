"""Ingests one payload into an empty hub that exists in memory only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import StaticPool, create_engine

from hub.contracts import Connector, Ignored, RawDelivery, RefusedItem
from hub.pipeline.ingest.parts import Parsed, Part, event_id, parse
from hub.pipeline.ingest.recorder import Recorder
from hub.pipeline.journal import Cursor, Entry
from hub.services import timeline
from hub.store import deliveries, policies
from hub.store.tables import metadata
from hub.store.transaction import Origin, UnitOfWork
from schemas import ids

_WITHOUT_TIME: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""When a payload counts as received that tells no time."""


_WHY: Final = {
    "waiting": "it waits for the message that it speaks of",
    "ignored": "it speaks of somebody or something that an empty hub does not know",
    "duplicate": "it was there before",
    "quarantined": "it is a dead letter; its event says why",
}


@dataclass(frozen=True)
class Preview:
    """What an empty hub makes of a payload.

    Attributes:
        events: Every stated event as a CloudEvent, in order.
        items: What became of the items, by outcome.
        others: The items that state no event now, each with the reason.
        refused: Whether something became a dead letter.
    """

    events: Sequence[Mapping[str, Any]]
    items: Mapping[str, int]
    others: Sequence[Mapping[str, Any]]
    refused: bool


def preview(connector: Connector, body: bytes) -> Preview:
    """Return what an empty hub would state for a payload; the same for the same bytes."""
    delivery = RawDelivery(
        id="dl_" + ids.digest("preview", connector.name, hashlib.sha256(body).hexdigest()),
        connector=connector.name,
        app="example",
        received_at=_WITHOUT_TIME,
        method="POST",
        path=f"/webhooks/{connector.name}/example",
        headers={},
        body=body,
    )
    parsed = parse(Entry(delivery, Cursor(0, "", 1)), {connector.name: connector})
    facts = [item for item in parsed.items if not isinstance(item, Ignored | RefusedItem)]
    times = [item.time for item in facts if item.time]
    if times:
        delivery = _at(delivery, max(times))
        parsed = Parsed(Entry(delivery, parsed.entry.after), parsed.channel, parsed.items, parsed.refusal)
    return _record(parsed)


def _record(parsed: Parsed) -> Preview:
    delivery = parsed.entry.delivery
    engine = create_engine("sqlite://", poolclass=StaticPool, hide_parameters=True)
    try:
        with engine.begin() as connection:
            metadata.create_all(connection)
            policies.seed(connection)
            unit = UnitOfWork(connection, delivery.received_at, policies.PolicyReader().load)
            recorder = Recorder(unit, [Part(parsed, 0, parsed.items, parsed.entry.after, last=True)])
            recorder.record()
            unit.flush()
            tx = unit.begin(Origin("", "preview", "hub"))
            rows = timeline.following(tx, 0, 1_000_000)
            counts = deliveries.get(tx, delivery.id)
            items = {name: getattr(counts, name) for name in deliveries.COUNTS[1:]}
    finally:
        engine.dispose()
    events = [_without_position(timeline.document(row, show_content=True)) for row in rows]
    others = _others(parsed, recorder.became, {row.id for row in rows})
    return Preview(events, items, others, refused=bool(parsed.refusal or items["quarantined"]))


def _others(parsed: Parsed, became: Mapping[int, str], stated: set[str]) -> list[dict[str, Any]]:
    """Return the items that stated nothing: what waited for an item that came after it did."""
    delivery = parsed.entry.delivery
    found = []
    for index, item in enumerate(parsed.items):
        if event_id(delivery, item) not in stated:
            reason = item.reason if isinstance(item, Ignored | RefusedItem) else _WHY[became[index]]
            found.append({"item": index, "kind": type(item).__name__, "became": became[index], "reason": reason})
    return found


def _at(delivery: RawDelivery, received_at: datetime) -> RawDelivery:
    return RawDelivery(
        delivery.id,
        delivery.connector,
        delivery.app,
        received_at,
        delivery.method,
        delivery.path,
        delivery.headers,
        delivery.body,
    )


def _without_position(event: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name != "position"}


def as_sample(found: Preview) -> str:
    """Return a preview as the text of ``NAME.events.json``."""
    became = {name: count for name, count in found.items.items() if count}
    return (
        json.dumps({"items": became, "others": found.others, "events": found.events}, ensure_ascii=False, indent=2)
        + "\n"
    )
