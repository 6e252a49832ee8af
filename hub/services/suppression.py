"""The one list of people to whom we start nothing (R-C12, CO-09)."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Select, bindparam, literal_column, select

from hub.domain import suppression
from hub.services import contacts
from hub.store.tables import contacts as contacts_table
from hub.store.tables import preferences
from hub.store.transaction import Transaction
from schemas import ids
from schemas.conversations import ContactPreferenceChanged
from schemas.messages import MessageReceived

_PERSONS: Final = (
    select(contacts_table.c.id)
    .where((contacts_table.c.id == bindparam("contact")) | (contacts_table.c.merged_into == bindparam("contact")))
    .union(
        select(contacts_table.c.merged_into).where(
            contacts_table.c.id == bindparam("contact"), contacts_table.c.merged_into.is_not(None)
        )
    )
)
_STOPPED: Final[Select[Any]] = (
    select(literal_column("1"))
    .select_from(preferences)
    .where(
        preferences.c.contact_id.in_(_PERSONS.scalar_subquery()),
        preferences.c.category.in_(bindparam("categories", expanding=True)),
        preferences.c.allowed == 0,
    )
    .limit(1)
)


def is_stopped(tx: Transaction, contact_id: str) -> bool:
    """Tell whether a person, or whoever they were merged with, wants nothing that we start."""
    return tx.one(_STOPPED, contact=contact_id, categories=sorted(suppression.BLOCKING)) is not None


def hear(tx: Transaction, message: MessageReceived) -> bool:
    """Keep what a message that is nothing but BAJA or ALTA asks for; False for any other message."""
    wish = suppression.wish(message.text) if message.kind == "text" else None
    if wish is None:
        return False
    decide(tx, message, allowed=wish == "start")
    return True


def decide(tx: Transaction, message: MessageReceived, *, allowed: bool) -> None:
    """Say that somebody may, or may not, be written to on our own account; ALTA takes back WhatsApp's own stop too."""
    for category in sorted(suppression.BLOCKING if allowed else {suppression.CATEGORY}):
        event_id = ids.derived_event_id(tx.origin.cause, tx.origin.by, f"preference:{category}", 0)
        contacts.prefer(tx, message.contact_id, category, allowed=allowed, at=tx.now, event_id=event_id)
        fact = ContactPreferenceChanged(
            contact_id=message.contact_id, channel=message.channel, category=category, allowed=allowed, at=tx.now
        )
        tx.state(fact, key=message.conversation_id, subject=message.contact_id, id=event_id)
