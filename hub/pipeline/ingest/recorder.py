"""Writes parts of deliveries: people, conversations, each item as an event once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy.engine import Row

from hub.contracts import Ignored, MessageItem, RefusedItem, StatusItem
from hub.errors import Unreadable
from hub.pipeline.ingest import quarantine
from hub.pipeline.ingest.parts import BY, Part, event_id, source_of
from hub.services import replies
from hub.services.contacts import People, learn_names
from hub.services.conversations import Threads
from hub.services.replies import apply_status, apply_waiting
from hub.store import deliveries, effects
from hub.store.transaction import Origin, UnitOfWork
from schemas import ids
from schemas.conversations import ContactIdentified, ConversationOpened
from schemas.messages import MessageReceived, MessageUnsupported
from schemas.operations import ReasonClass

_OLDEST_CLAIM: Final = timedelta(days=7)


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
        self._people = People()
        self._threads = Threads()
        self._names: dict[str, str] = {}
        self._stale_before = timedelta(days=unit.policies.intake.stale_after_days)
        self._seen = deliveries.known_ids(self._tx, (id_ for _, _, _, id_ in self._items() if id_))
        self._people.look_up(
            self._tx, (i.party for _, _, i, _ in self._items() if isinstance(i, MessageItem) and i.party)
        )
        self._threads.look_up(self._tx, set(self._people.contacts()))
        self._ours: set[str] = set()
        self._taken: dict[tuple[str, str, str], str] = {}
        self._look_up_effects()

    def record(self) -> list[Counter[str]]:
        """Write everything, items in order; return what became of the items of each part."""
        tallies = [self._record_part(part) for part in self._parts]
        self._people.save(self._tx)
        self._threads.save(self._tx)
        learn_names(self._tx, self._names.items())
        if self._redrive is not None:
            self._recount(tallies)
            return tallies
        told = list(zip(self._parts, tallies, strict=True))
        deliveries.insert_many(self._tx, [_row(part, tally, self._tx.now) for part, tally in told if part.start == 0])
        for part, tally in told:
            if part.start > 0:
                deliveries.add_counts(self._tx, part.parsed.entry.delivery.id, tally, state=_state(part))
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
            place = f"{delivery.id}/{index}"
            id_ = event_id(delivery, item)
            if id_ is not None and id_ in self._seen:
                tally["duplicate"] += 1
                continue
            if id_ is not None:
                self._seen.add(id_)
            if isinstance(item, Ignored):
                tally["ignored"] += 1
            elif isinstance(item, RefusedItem):
                tally[self._refuse_item(part, index, "unreadable", item.reason)] += 1
            elif self._is_stale(item, delivery.received_at):
                reason = "it is older than the policy lets the hub act on"
                tally[self._refuse_item(part, index, "stale", reason, id_)] += 1
            elif isinstance(item, StatusItem):
                tally[self._record_status(part, index, item, id_ or "")] += 1
            elif item.party is None or not item.party.aliases:
                tally[self._refuse_item(part, index, "unreadable", "the message names no sender", id_)] += 1
            else:
                self._record_message(part, item, id_ or "", place)
                tally["published"] += 1
        return tally

    def _record_message(self, part: Part, item: MessageItem, id_: str, place: str) -> None:
        delivery, party = part.parsed.entry.delivery, item.party
        if party is None:
            return
        tx = self._unit.begin(Origin(id_, BY, "customer", received_at=delivery.received_at))
        contact, is_new = self._people.resolve(tx, party)
        conversation, opened = self._threads.find_or_open(
            tx,
            contact=contact,
            channel=part.parsed.channel,
            connector=delivery.connector,
            asset=item.asset,
            reply_to=dict(party.reply_to),
        )
        channel: Any = part.parsed.channel
        if is_new:
            identified = ContactIdentified(contact_id=contact, channel=channel, display_name=party.display_name)
            tx.state(identified, key=conversation, subject=contact, causation=id_)
        elif party.display_name:
            self._names[contact] = party.display_name
        if opened:
            fact = ConversationOpened(
                conversation_id=conversation, contact_id=contact, channel=channel, asset=item.asset
            )
            tx.state(fact, key=conversation, subject=conversation, causation=id_)
        about: dict[str, Any] = {
            "message_id": ids.message_id(id_, delivery.received_at),
            "conversation_id": conversation,
            "contact_id": contact,
            "channel": channel,
            "asset": item.asset,
            "provider_message_id": item.provider_id,
        }
        data: MessageReceived | MessageUnsupported
        if item.unsupported is None:
            data = MessageReceived(
                **about,
                kind="text",
                text=item.text,
                sender_name=party.display_name,
                quoted_provider_message_id=item.quoted_provider_id,
                first_in_conversation=opened,
            )
        else:
            data = MessageUnsupported(**about, provider_kind=item.kind, reason=item.unsupported)
        time = clamp(item.time, delivery.received_at)
        source = source_of(delivery, item.asset)
        tx.state(data, key=conversation, subject=data.message_id, id=id_, time=time, source=source, causation=place)
        self._threads.record(
            {
                "id": data.message_id,
                "conversation_id": conversation,
                "case_id": None,
                "direction": "in",
                "connector": delivery.connector,
                "asset": item.asset,
                "provider_id": item.provider_id,
                "kind": item.kind,
                "text": item.text,
                "state": "received",
                "time": time,
                "received_at": delivery.received_at,
                "event_id": id_,
            }
        )

    def _record_status(self, part: Part, index: int, item: StatusItem, id_: str) -> str:
        delivery = part.parsed.entry.delivery
        item = replace(item, time=clamp(item.time, delivery.received_at))
        effect = self._effect_of(delivery.connector, item)
        if effect is None:
            row = {
                "id": id_,
                "connector": delivery.connector,
                "asset": item.asset,
                "target": item.provider_id,
                "delivery_id": delivery.id,
                "item": index,
                "body": asdict(item),
                "received_at": delivery.received_at,
            }
            deliveries.wait(self._tx, row)
            return "waiting"
        origin = Origin(f"{delivery.id}/{index}", BY, "provider", effect.traceparent, delivery.received_at)
        tx = self._unit.begin(origin)
        told = apply_status(tx, effect, item, id_)
        if effect.provider_id is None:
            # The answer that named it was lost: what came before without our id speaks of it too.
            apply_waiting(self._unit, effect.id, item.provider_id)
            self._taken[delivery.connector, item.asset, item.provider_id] = effect.id
        return "published" if told else "ignored"

    def _effect_of(self, connector: str, item: StatusItem) -> Row[Any] | None:
        ours = item.correlation if item.correlation in self._ours else None
        effect_id = ours or self._taken.get((connector, item.asset, item.provider_id))
        effect = effects.get(self._tx, effect_id) if effect_id else None
        return effect if effect is not None and effect.connector == connector else None

    def _refuse_item(
        self, part: Part, index: int, reason_class: ReasonClass, reason: str, id_: str | None = None
    ) -> str:
        if self._redrive == "item":
            raise Unreadable(reason)
        return quarantine.item(self._unit, part.parsed.entry.delivery, index, reason_class, reason, id_)

    def _is_stale(self, item: MessageItem | StatusItem, received_at: datetime) -> bool:
        return self._redrive is None and item.time is not None and received_at - item.time > self._stale_before

    def _items(self) -> Iterator[tuple[Part, int, Any, str | None]]:
        for part in self._parts:
            for index, item in enumerate(part.items, part.start):
                yield part, index, item, event_id(part.parsed.entry.delivery, item)

    def _look_up_effects(self) -> None:
        correlations: set[str] = set()
        places: dict[tuple[str, str], set[str]] = {}
        for part, _, item, _ in self._items():
            if isinstance(item, StatusItem):
                correlations.update({item.correlation} if item.correlation else ())
                places.setdefault((part.parsed.entry.delivery.connector, item.asset), set()).add(item.provider_id)
        replies.lock_sent(
            self._tx, ((*place, provider_id) for place, wanted in places.items() for provider_id in wanted)
        )
        self._ours = effects.known(self._tx, correlations)
        self._taken = {
            (connector, asset, provider_id): effect_id
            for (connector, asset), wanted in places.items()
            for provider_id, effect_id in effects.by_provider_ids(self._tx, connector, asset, wanted).items()
        }
        replies.lock(self._tx, {*self._ours, *self._taken.values()})


def clamp(time: datetime | None, received_at: datetime) -> datetime:
    """Return a provider's time, kept within seven days before its arrival."""
    if time is None:
        return received_at
    return min(max(time, received_at - _OLDEST_CLAIM), received_at)


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
