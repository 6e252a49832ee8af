"""Records what is no talk: changed messages, accounts, addresses, preferences, holders of threads."""

from __future__ import annotations

from hub.contracts import AccountItem, AmendmentItem, HandoverItem, IdentityItem, PreferenceItem
from hub.pipeline.ingest.batch import Arrival, Batch
from hub.pipeline.ingest.parts import source_of
from hub.services import amendments, channels, contacts, conversations, templates
from schemas.conversations import (
    ContactLinked,
    ContactMatched,
    ContactPreferenceChanged,
    ConversationHandedOver,
)


def amendment(batch: Batch, arrival: Arrival, item: AmendmentItem) -> str:
    """Apply a change to the message it speaks of, or let it wait for that; return what became of it."""
    batch.save()
    tx = batch.begin(arrival, item.by)
    told = arrival.told(item)
    delivery = arrival.delivery
    original = amendments.original_of(tx, delivery.connector, item)
    if original is not None:
        source, place = source_of(delivery, item.asset), arrival.place
        amendments.apply(tx, original, item, told["time"], arrival.id, source=source, causation=place)
        return "published"
    return batch.wait(arrival, item)


def account(batch: Batch, arrival: Arrival, item: AccountItem) -> str:
    """State what changed about an account."""
    told = arrival.told(item)
    tx = batch.begin(arrival, "provider")
    templates.told(tx, arrival.delivery.connector, item, told["time"])
    channels.changed(
        tx,
        arrival.delivery.connector,
        item,
        told["time"],
        arrival.id,
        source=told["source"],
        causation=arrival.place,
    )
    return "published"


def identity(batch: Batch, arrival: Arrival, item: IdentityItem) -> str:
    """Let whoever had an address have the new one; two known people are for a person to merge (R-P16).

    A number that was left leads to nobody any more: its carrier gives it to somebody else.
    """
    tx = batch.begin(arrival, "provider")
    owner, other = batch.people.find(item.previous), batch.people.find(item.current)
    told = arrival.told(item)
    left = [alias for alias in item.previous if owner and alias.is_lent and batch.people.has(owner, alias)]
    if owner is None or (owner == other and not left):
        return "ignored"
    if other not in {None, owner} and any(batch.people.left(tx, other, alias) for alias in left):
        # Told before: whoever has the old number since then is somebody else.
        return "ignored"
    for alias in left:
        batch.people.retire(tx, owner, alias)
    if other not in {None, owner}:
        matched = ContactMatched(contact_id=owner, other_contact_id=other, reason=item.reason)
        tx.state(matched, key=f"contact:{owner}", subject=owner, **told)
        return "published"
    batch.people.link(tx, owner, item.current)
    batch.save()
    if item.reply_to:
        conversations.redirect(tx, owner, arrival.delivery.connector, item.asset, dict(item.reply_to))
    linked = ContactLinked(
        contact_id=owner,
        channel=arrival.channel,
        reason=item.reason,
        previous_address=contacts.text_of(item.previous[0]),
        new_address=contacts.text_of(item.current[0]),
    )
    tx.state(linked, key=f"contact:{owner}", subject=owner, **told)
    return "published"


def preference(batch: Batch, arrival: Arrival, item: PreferenceItem) -> str:
    """Keep what a person allows us to start."""
    tx = batch.begin(arrival, "customer")
    contact = batch.contact_of(tx, arrival, item.party)
    batch.save()
    told = arrival.told(item)
    contacts.prefer(tx, contact, item.category, allowed=item.allowed, at=told["time"], event_id=arrival.id)
    fact = ContactPreferenceChanged(
        contact_id=contact, channel=arrival.channel, category=item.category, allowed=item.allowed, at=told["time"]
    )
    tx.state(fact, key=f"contact:{contact}", subject=contact, **told)
    return "published"


def handover(batch: Batch, arrival: Arrival, item: HandoverItem) -> str:
    """Keep which application has a thread, also when it is told before anything that is said there."""
    tx = batch.begin(arrival, "provider")
    conversation, contact, _ = batch.conversation_of(tx, arrival, item.party, item.asset)
    batch.save()
    told = arrival.told(item)
    conversations.hold(tx, conversation, item.holder, told["time"])
    fact = ConversationHandedOver(
        conversation_id=conversation,
        contact_id=contact,
        holder=item.holder,
        application=item.application,
        at=told["time"],
    )
    tx.state(fact, key=conversation, subject=conversation, **told)
    return "published"
