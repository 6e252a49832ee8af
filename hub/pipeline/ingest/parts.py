"""Cuts what the journal holds into parts that fit a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from hub.contracts import (
    AccountItem,
    AmendmentItem,
    CommentItem,
    Connector,
    EchoItem,
    HandoverItem,
    IdentityItem,
    Ignored,
    Item,
    MessageItem,
    PreferenceItem,
    RawDelivery,
    RefusedItem,
    StatusItem,
    WatermarkItem,
)
from hub.errors import Unreadable
from hub.pipeline.journal import Cursor, Entry
from schemas import ids
from schemas.operations import ReasonClass

BY: Final = "ingest"
"""Under which name ingest states events."""

_OLDEST_CLAIM: Final = timedelta(days=7)
# The words of natural keys: they stay, or what is delivered again becomes another event.
_KINDS: Final[dict[type, str]] = {
    MessageItem: "message",
    CommentItem: "comment",
    AmendmentItem: "amendment",
    EchoItem: "echo",
    StatusItem: "status",
    WatermarkItem: "watermark",
    AccountItem: "account",
    IdentityItem: "identity",
    PreferenceItem: "preference",
    HandoverItem: "handover",
}


@dataclass(frozen=True, slots=True)
class Parsed:
    """One delivery with its items, or with the reason why it has none."""

    entry: Entry
    channel: str
    items: Sequence[Item] = ()
    refusal: tuple[ReasonClass, str] | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A run of items of one delivery.

    Attributes:
        start: Index of the first of its items within the delivery.
        after: The cursor once this part is recorded.
        last: Whether the delivery ends with it.
    """

    parsed: Parsed
    start: int
    items: Sequence[Item]
    after: Cursor
    last: bool


def parse(entry: Entry, connectors: Mapping[str, Connector]) -> Parsed:
    """Normalize one delivery; whatever is wrong with it, or with the connector, becomes a refusal."""
    delivery = entry.delivery
    connector = connectors.get(delivery.connector)
    if connector is None:
        reason = f"the connector {delivery.connector} is not part of this hub"
        return Parsed(entry, "", refusal=("permanent", reason))
    try:
        return Parsed(entry, connector.channel, tuple(connector.normalize(delivery)))
    except Unreadable as error:
        return Parsed(entry, connector.channel, refusal=("unreadable", str(error)))
    except Exception as error:  # noqa: BLE001 - a connector's bug must not stop the journal; a person sees it
        reason = f"the connector failed on it: {type(error).__name__}"
        return Parsed(entry, connector.channel, refusal=("ours", reason))


def cut(parsed: Iterable[Parsed], start_item: int, size: int) -> Iterator[list[Part]]:
    """Yield batches of parts with about ``size`` items each.

    Args:
        parsed: Deliveries in journal order.
        start_item: Items of the first one that were recorded before.
        size: Items a transaction; a delivery without any counts as one.
    """
    batch: list[Part] = []
    room = size
    for one in parsed:
        done, start_item = start_item, 0
        while True:
            items = one.items[done : done + room]
            end = done + len(items)
            last = end >= len(one.items)
            after = one.entry.after if last else _inside(one.entry.after, end)
            batch.append(Part(one, done, items, after, last))
            room -= max(len(items), 1)
            done = end
            if room <= 0:
                yield batch
                batch, room = [], size
            if last:
                break
    if batch:
        yield batch


def _inside(after: Cursor, item: int) -> Cursor:
    return Cursor(after.segment, after.segment_id, after.row - 1, item)


def event_id(delivery: RawDelivery, item: Item) -> str | None:
    """Return the id of the event that an item becomes; None for items that become none."""
    if isinstance(item, Ignored | RefusedItem):
        return None
    provider_id = item.provider_id
    if isinstance(item, StatusItem):
        provider_id = f"{item.provider_id}/{item.status}/{item.recipient}"
    key = ids.natural_key(delivery.connector, item.asset, _KINDS[type(item)], provider_id)
    return ids.item_event_id(source_of(delivery, item.asset), key)


def source_of(delivery: RawDelivery, asset: str) -> str:
    """Return the source of an asset's events."""
    return f"/{delivery.connector}/{asset}"


def clamp(time: datetime | None, received_at: datetime) -> datetime:
    """Return a provider's time, kept within seven days before its arrival."""
    if time is None:
        return received_at
    return min(max(time, received_at - _OLDEST_CLAIM), received_at)
