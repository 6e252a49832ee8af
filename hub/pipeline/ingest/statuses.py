"""Records what the provider tells of our own messages: taken, delivered, read, failed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeGuard

from sqlalchemy.engine import Row

from hub.contracts import EchoItem, StatusItem, WatermarkItem
from hub.pipeline.ingest.batch import Arrival, Batch
from hub.pipeline.ingest.parts import BY, clamp
from hub.services import amendments, contacts, leaving, replies, waiting, watermarks
from hub.store import effects, unsettled
from hub.store.transaction import Origin, Transaction, UnitOfWork
from schemas import ids

Mine = StatusItem | EchoItem


class Statuses:
    """Finds the effects that the statuses of one batch speak of, then moves them on."""

    def __init__(self, unit: UnitOfWork) -> None:
        """Know nothing yet."""
        self._unit = unit
        self._tx = unit.begin(Origin("", BY, "hub"))
        self._ours: set[str] = set()
        self._taken: dict[tuple[str, str, str], str] = {}
        self._alike: dict[tuple[str, str, str | None, str], list[str]] = {}

    def look_up(self, told: Sequence[tuple[str, Mine]]) -> None:
        """Load which effects are meant, by (connector, item); the places are locked before."""
        correlations: set[str] = set()
        places: dict[tuple[str, str], set[str]] = {}
        for connector, item in told:
            correlations.update({item.correlation} if item.correlation else ())
            places.setdefault((connector, item.asset), set()).add(item.provider_id)
        self._ours = effects.known(self._tx, correlations)
        self._taken = {
            (connector, asset, provider_id): effect_id
            for (connector, asset), wanted in places.items()
            for provider_id, effect_id in effects.by_provider_ids(self._tx, connector, asset, wanted).items()
        }
        alike = self._look_for_unnamed(told)
        replies.lock(self._tx, {*self._ours, *self._taken.values(), *alike})

    def _look_for_unnamed(self, told: Sequence[tuple[str, Mine]]) -> Iterator[str]:
        """Find what the hub said in public that no answer has named yet: its echo carries nothing but its words."""
        places = {(connector, item.asset) for connector, item in told if _has_words_alone(item)}
        for connector, asset in sorted(places):
            for row in unsettled.unnamed(self._tx, connector, asset, leaving.PUBLIC):
                about = row.reply_to.get("comment_id", "")
                # An answer to an answer is told below the top comment.
                answered = amendments.message_of(self._tx, connector, asset, about)
                for quoted in dict.fromkeys((about, answered.quoted_provider_id if answered else None)):
                    self._alike.setdefault((connector, asset, quoted, row.payload["text"].strip()), []).append(row.id)
                yield row.id

    def record(self, arrival: Arrival, item: StatusItem) -> str:
        """Apply a status, or let it wait; return what became of it."""
        delivery = arrival.delivery
        item = replace(item, time=clamp(item.time, delivery.received_at))
        effect = self._effect_of(delivery.connector, item)
        if effect is None and amendments.message_of(self._tx, delivery.connector, item.asset, item.provider_id):
            # A colleague wrote it in the provider's own app.
            return "ignored"
        if effect is None:
            waiting.keep(
                self._unit,
                item,
                id=arrival.id,
                connector=delivery.connector,
                delivery_id=delivery.id,
                item_index=arrival.index,
                received_at=delivery.received_at,
            )
            return "waiting"
        return "published" if self._apply(arrival, effect, item) else "ignored"

    def own_echo(self, batch: Batch, arrival: Arrival, item: EchoItem) -> str | None:
        """Settle the effect that an echo is of; None when the hub did not send it."""
        effect = self._effect_of(arrival.delivery.connector, item)
        if effect is None:
            return None
        time = clamp(item.time, arrival.delivery.received_at)
        told = self._apply(arrival, effect, StatusItem(item.asset, item.provider_id, time, "sent"))
        contact = contacts.of_conversation(self._tx, effect.key)
        if contact is not None and item.party is not None:
            batch.people.link(batch.begin(arrival, "provider"), contact, item.party.aliases)
        return "published" if told else "ignored"

    def watermark(self, batch: Batch, arrival: Arrival, item: WatermarkItem) -> str:
        """Apply that everything up to an instant was delivered or read; return what became of it."""
        contact = batch.people.find(item.party.aliases)
        connector = arrival.delivery.connector
        conversation = None if contact is None else batch.threads.find(contact, connector, item.asset)
        if conversation is None:
            return "ignored"
        batch.save()
        until = clamp(item.time, arrival.delivery.received_at)
        told = 0
        for row in watermarks.reached(self._tx, conversation, item.status, until):
            effect = effects.get(self._tx, row.id)
            if effect is None:
                continue
            # The item's own event is the first; what else it brings about is caused by that one.
            id_ = arrival.id if told == 0 else ids.derived_event_id(arrival.id, BY, item.status, told)
            tx = self._view(arrival.place if told == 0 else arrival.id, arrival, effect)
            told += replies.apply_status(tx, effect, StatusItem(item.asset, row.provider_id, until, item.status), id_)
        return "published" if told else "ignored"

    def _apply(self, arrival: Arrival, effect: Row[Any], item: StatusItem) -> bool:
        tx = self._view(arrival.place, arrival, effect)
        told = replies.apply_status(tx, effect, item, arrival.id)
        connector = arrival.delivery.connector
        if effect.provider_id is None:
            # The answer that named it was lost: what came before without our id speaks of it too.
            waiting.apply_to_reply(self._unit, effect.id, item.provider_id)
            self._taken[connector, item.asset, item.provider_id] = effect.id
        elif item.status == "sent":
            watermarks.catch_up(self._view(arrival.id, arrival, effect), effect.id)
        return told

    def _view(self, cause: str, arrival: Arrival, effect: Row[Any]) -> Transaction:
        return self._unit.begin(Origin(cause, BY, "provider", effect.traceparent, arrival.delivery.received_at))

    def _effect_of(self, connector: str, item: Mine) -> Row[Any] | None:
        ours = item.correlation if item.correlation in self._ours else None
        effect_id = ours or self._taken.get((connector, item.asset, item.provider_id))
        if effect_id is None and _has_words_alone(item):
            return self._of_same_words(connector, item)
        effect = effects.get(self._tx, effect_id) if effect_id else None
        return effect if effect is not None and effect.connector == connector else None

    def _of_same_words(self, connector: str, item: EchoItem) -> Row[Any] | None:
        place = (connector, item.asset, item.quoted_provider_id, item.text.strip())
        found = (effects.get(self._tx, effect_id) for effect_id in self._alike.get(place, ()))
        return next((row for row in found if row is not None and unsettled.is_unnamed(row)), None)


def _has_words_alone(item: Mine) -> TypeGuard[EchoItem]:
    return isinstance(item, EchoItem) and item.party is None and item.quoted_provider_id is not None
