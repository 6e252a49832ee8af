"""What the recording of one batch shares: people, conversations, rows still to be written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from hub.contracts import AccountItem, AmendmentItem, Fact, IdentityItem, Party, RawDelivery, StatusItem
from hub.pipeline.ingest.parts import BY, clamp, source_of
from hub.services import attachments, waiting
from hub.services.contacts import People, learn_names
from hub.services.conversations import Heard, Threads
from hub.store.transaction import Origin, Transaction, UnitOfWork
from schemas.conversations import ContactIdentified, ConversationOpened
from schemas.messages import Author


@dataclass(frozen=True, slots=True)
class Arrival:
    """One item on its way in.

    Attributes:
        id: Of the event that it becomes.
        place: Where the raw item stands, ``dl_…/<item>``.
    """

    delivery: RawDelivery
    channel: Any
    index: int
    id: str

    @property
    def place(self) -> str:
        """Where the raw item stands."""
        return f"{self.delivery.id}/{self.index}"

    def told(self, item: Fact) -> dict[str, Any]:
        """Return how the item's own event is stated: under its id, at the provider's time, caused by the raw item."""
        return {
            "id": self.id,
            "time": clamp(item.time, self.delivery.received_at),
            "source": source_of(self.delivery, item.asset),
            "causation": self.place,
        }


@dataclass(slots=True)
class Batch:
    """Looks people with their conversations up once, writes what is new at once."""

    unit: UnitOfWork
    people: People = field(default_factory=People)
    threads: Threads = field(default_factory=Threads)
    _names: dict[str, str] = field(default_factory=dict)
    _files: list[dict[str, Any]] = field(default_factory=list)
    _arrived: dict[tuple[str, str], set[str]] = field(default_factory=dict)

    def look_up(self, tx: Transaction, items: Iterable[Any]) -> None:
        """Load whoever the items speak of, with the conversations they have."""
        parties, aliases = [], []
        for item in items:
            if isinstance(item, IdentityItem):
                aliases += [*item.previous, *item.current]
            elif not isinstance(item, StatusItem | AmendmentItem | AccountItem) and item.party is not None:
                parties.append(item.party)
        self.people.look_up(tx, parties, aliases)
        self.threads.look_up(tx, set(self.people.contacts()))

    def begin(self, arrival: Arrival, actor: Author | str) -> Transaction:
        """Return the view in which everything derives from one item."""
        return self.unit.begin(Origin(arrival.id, BY, actor, received_at=arrival.delivery.received_at))

    def contact_of(self, tx: Transaction, arrival: Arrival, party: Party, key: str | None = None) -> str:
        """Return whose party this is; somebody new is stated under ``key``, without one under a key of their own."""
        contact, is_new = self.people.resolve(tx, party)
        if is_new:
            fact = ContactIdentified(contact_id=contact, channel=arrival.channel, display_name=party.display_name)
            tx.state(fact, key=key or f"contact:{contact}", subject=contact, causation=arrival.id)
        elif party.display_name:
            self._names[contact] = party.display_name
        return contact

    def conversation_of(
        self,
        tx: Transaction,
        arrival: Arrival,
        party: Party,
        asset: str,
        *,
        thread: str = "",
        reply_to: dict[str, str] | None = None,
        heard: Heard | None = None,
    ) -> tuple[str, str, bool]:
        """Return conversation, contact, whether the conversation was opened now; who or what is new is stated."""
        connector = arrival.delivery.connector

        def has_spoken_here(contact: str) -> bool:
            return self.threads.find(contact, connector, asset, thread) is not None

        contact, is_new = self.people.resolve(tx, party, has_spoken_here)
        conversation, opened = self.threads.find_or_open(
            tx,
            contact=contact,
            channel=arrival.channel,
            connector=connector,
            asset=asset,
            reply_to=dict(party.reply_to) if reply_to is None else reply_to,
            thread=thread,
            heard=heard,
        )
        channel = arrival.channel
        if is_new:
            fact = ContactIdentified(contact_id=contact, channel=channel, display_name=party.display_name)
            tx.state(fact, key=conversation, subject=contact, causation=arrival.id)
        elif party.display_name:
            self._names[contact] = party.display_name
        if opened:
            begun = ConversationOpened(conversation_id=conversation, contact_id=contact, channel=channel, asset=asset)
            tx.state(begun, key=conversation, subject=conversation, causation=arrival.id)
        return conversation, contact, opened

    def record(self, row: dict[str, Any], files: Iterable[dict[str, Any]] = ()) -> None:
        """Keep a message with its files to be written with the rest."""
        self.threads.record(row)
        self._files.extend(files)
        if row["provider_id"] is not None:
            self._arrived.setdefault((row["connector"], row["asset"]), set()).add(row["provider_id"])

    def wait(self, arrival: Arrival, item: Any) -> str:
        """Let an item wait for what it speaks of; return that it does."""
        delivery = arrival.delivery
        waiting.keep(
            self.unit,
            replace(item, time=clamp(item.time, delivery.received_at)),
            id=arrival.id,
            connector=delivery.connector,
            delivery_id=delivery.id,
            item_index=arrival.index,
            received_at=delivery.received_at,
        )
        return "waiting"

    def save(self) -> None:
        """Write what is new since the last call: who reads a table next finds it."""
        tx = self.unit.begin(Origin("", BY, "hub"))
        self.people.save(tx)
        self.threads.save(tx)
        learn_names(tx, self._names.items())
        self._names.clear()
        attachments.want(tx, self._files)
        self._files.clear()

    def apply_waiting(self) -> None:
        """Apply what came before the messages of this batch that it speaks of."""
        for (connector, asset), provider_ids in self._arrived.items():
            waiting.apply_to_messages(self.unit, connector, asset, provider_ids)
        self._arrived.clear()
