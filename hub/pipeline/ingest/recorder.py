"""Writes parts of deliveries: people, conversations, each item as an event once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from hub.contracts import (
    AccountItem,
    AmendmentItem,
    CommentItem,
    EchoItem,
    Fact,
    HandoverItem,
    IdentityItem,
    Ignored,
    Item,
    MessageItem,
    PreferenceItem,
    RefusedItem,
    StatusItem,
    WatermarkItem,
)
from hub.errors import Unreadable
from hub.pipeline.ingest import facts, quarantine, talk
from hub.pipeline.ingest.batch import Arrival, Batch
from hub.pipeline.ingest.parts import BY, Part, clamp, event_id
from hub.pipeline.ingest.statuses import Statuses
from hub.services import replies
from hub.store import deliveries
from hub.store.transaction import Origin, UnitOfWork
from schemas.operations import ReasonClass

__all__ = ["Recorder", "clamp"]


_RECORD: Final[dict[type, Callable[[Batch, Arrival, Any], str]]] = {
    MessageItem: talk.message,
    CommentItem: talk.comment,
    EchoItem: talk.echo,
    AmendmentItem: facts.amendment,
    AccountItem: facts.account,
    IdentityItem: facts.identity,
    PreferenceItem: facts.preference,
    HandoverItem: facts.handover,
}


class Recorder:
    """Records one batch of parts in one transaction; made anew for every run."""

    def __init__(
        self, unit: UnitOfWork, parts: Sequence[Part], *, redrive: Literal["delivery", "item"] | None = None
    ) -> None:
        """Look up everything that the parts speak of, in a handful of queries.

        Args:
            unit: The transaction.
            parts: What to record, in order.
            redrive: What a dead letter that is tried again holds. Staleness no longer counts; an item that is still
                unreadable raises, one of a whole delivery becomes a letter of its own.
        """
        self._redrive = redrive
        self._unit = unit
        self._tx = unit.begin(Origin("", BY, "hub"))
        self._parts = parts
        self.became: dict[int, str] = {}
        """What became of the items, by their index in the last delivery."""
        self._batch = Batch(unit)
        self._statuses = Statuses(unit)
        self._stale_before = timedelta(days=unit.policies.intake.stale_after_days)
        self._seen = deliveries.known_ids(self._tx, (id_ for _, _, _, id_ in self._items() if id_))
        told = [(part.parsed.entry.delivery.connector, item) for part, _, item, id_ in self._items() if id_]
        self._batch.look_up(self._tx, (item for _, item in told))
        replies.lock_sent(self._tx, {place for connector, item in told for place in _spoken_of(connector, item)})
        self._statuses.look_up(
            [(connector, item) for connector, item in told if isinstance(item, StatusItem | EchoItem)]
        )

    def record(self) -> list[Counter[str]]:
        """Write everything, items in order; return what became of the items of each part."""
        tallies = [self._record_part(part) for part in self._parts]
        self._batch.save()
        if self._redrive is not None:
            self._recount(tallies)
            self._batch.apply_waiting()
            return tallies
        told = list(zip(self._parts, tallies, strict=True))
        deliveries.insert_many(self._tx, [_row(part, tally, self._tx.now) for part, tally in told if part.start == 0])
        for part, tally in told:
            if part.start > 0:
                deliveries.add_counts(self._tx, part.parsed.entry.delivery.id, tally, state=_state(part))
        self._batch.apply_waiting()
        return tallies

    def _recount(self, tallies: Sequence[Counter[str]]) -> None:
        """Count redriven items where they now belong: those of a refused delivery for the first time."""
        whole = self._redrive == "delivery"
        for part, tally in zip(self._parts, tallies, strict=True):
            counts = dict(tally) if whole else {**tally, "items": 0, "quarantined": -1}
            deliveries.add_counts(self._tx, part.parsed.entry.delivery.id, counts, state="ingested" if whole else None)

    def _record_part(self, part: Part) -> Counter[str]:
        tally: Counter[str] = Counter(items=len(part.items))
        delivery = part.parsed.entry.delivery
        if part.parsed.refusal is not None:
            quarantine.delivery(self._unit, delivery, *part.parsed.refusal)
            return tally
        for index, item in enumerate(part.items, part.start):
            became = self._record_item(part, index, item)
            self.became[index] = became
            tally[became] += 1
        return tally

    def _record_item(self, part: Part, index: int, item: Item) -> str:
        """Record one item unless it was before, is of no use, or cannot be; return what became of it."""
        delivery = part.parsed.entry.delivery
        if isinstance(item, Ignored):
            return "ignored"
        if isinstance(item, RefusedItem):
            return self._refuse_item(part, index, "unreadable", item.reason)
        id_ = event_id(delivery, item) or ""
        if id_ in self._seen:
            return "duplicate"
        self._seen.add(id_)
        if self._is_stale(item, delivery.received_at):
            return self._refuse_item(part, index, "stale", "it is older than the policy lets the hub act on", id_)
        if isinstance(item, MessageItem) and (item.party is None or not item.party.aliases):
            return self._refuse_item(part, index, "unreadable", "the message names no sender", id_)
        return self._record_fact(Arrival(delivery, part.parsed.channel, index, id_), item)

    def _record_fact(self, arrival: Arrival, item: Fact) -> str:
        """Record one item; return what became of it."""
        if isinstance(item, StatusItem):
            return self._statuses.record(arrival, item)
        if isinstance(item, WatermarkItem):
            return self._statuses.watermark(self._batch, arrival, item)
        own = self._statuses.own_echo(self._batch, arrival, item) if isinstance(item, EchoItem) else None
        return own or _RECORD[type(item)](self._batch, arrival, item)

    def _refuse_item(
        self, part: Part, index: int, reason_class: ReasonClass, reason: str, id_: str | None = None
    ) -> str:
        if self._redrive == "item":
            raise Unreadable(reason)
        return quarantine.item(self._unit, part.parsed.entry.delivery, index, reason_class, reason, id_)

    def _is_stale(self, item: Fact, received_at: datetime) -> bool:
        return self._redrive is None and item.time is not None and received_at - item.time > self._stale_before

    def _items(self) -> Iterator[tuple[Part, int, Any, str | None]]:
        for part in self._parts:
            for index, item in enumerate(part.items, part.start):
                yield part, index, item, event_id(part.parsed.entry.delivery, item)


def _spoken_of(connector: str, item: Fact) -> Iterator[tuple[str, str, str]]:
    """Yield which messages an item brings or speaks of: neither may miss the other."""
    if isinstance(item, AmendmentItem):
        yield connector, item.asset, item.target
    if isinstance(item, MessageItem | CommentItem | EchoItem | StatusItem):
        yield connector, item.asset, item.provider_id
    if isinstance(item, EchoItem) and item.party is None and item.quoted_provider_id is not None:
        yield connector, item.asset, item.quoted_provider_id


def _state(part: Part) -> str:
    if part.parsed.refusal:
        return "refused"
    return "ingested" if part.last else "partial"


def _row(part: Part, tally: Counter[str], now: datetime) -> dict[str, Any]:
    delivery = part.parsed.entry.delivery
    return {
        "id": delivery.id,
        "journal": part.after.segment_id,
        "connector": delivery.connector,
        "app": delivery.app,
        "received_at": delivery.received_at,
        "method": delivery.method,
        "path": delivery.path,
        "headers": dict(delivery.headers),
        "body": delivery.body,
        "sha256": quarantine.sha256(delivery.body),
        "state": _state(part),
        **{name: tally[name] for name in deliveries.COUNTS},
        "ingested_at": now,
    }
