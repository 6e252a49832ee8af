"""Threads with one person on one channel, with the messages in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.engine import Row

from hub.errors import NotFound
from hub.store.tables import conversations, messages
from hub.store.transaction import Transaction

_OF_CONTACTS: Final = select(
    conversations.c.id, conversations.c.contact_id, conversations.c.connector, conversations.c.asset
).where(conversations.c.contact_id.in_(bindparam("contacts", expanding=True)))
_BY_ID: Final = select(conversations).where(conversations.c.id == bindparam("id"))
_BY_IDS: Final = select(conversations).where(conversations.c.id.in_(bindparam("ids", expanding=True)))
_LOOKED_UP: Final = "conversations"
_INSERT: Final = insert(conversations)
_HEARD: Final = (
    update(conversations)
    .where(conversations.c.id == bindparam("conversation"))
    .values(reply_to=bindparam("address"), last_inbound_at=bindparam("at"))
)
_INSERT_MESSAGE: Final = insert(messages)
_MESSAGES: Final = (
    select(messages)
    .where(messages.c.conversation_id == bindparam("conversation"))
    .order_by(messages.c.position.desc())
    .limit(bindparam("limit"))
)
_JOIN: Final = update(messages).where(messages.c.id == bindparam("message")).values(case_id=bindparam("case"))


@dataclass(slots=True)
class Threads:
    """Finds or opens the conversations of many inbound messages in one transaction."""

    _known: dict[tuple[str, str, str], str] = field(default_factory=dict)
    _new: list[dict[str, Any]] = field(default_factory=list)
    _heard: dict[str, dict[str, Any]] = field(default_factory=dict)
    _messages: list[dict[str, Any]] = field(default_factory=list)

    def look_up(self, tx: Transaction, contacts: Iterable[str]) -> None:
        """Load the conversations of these contacts."""
        wanted = sorted(set(contacts))
        if wanted:
            for row in tx.all(_OF_CONTACTS, contacts=wanted):
                self._known[row.contact_id, row.connector, row.asset] = row.id

    def find_or_open(
        self, tx: Transaction, *, contact: str, channel: str, connector: str, asset: str, reply_to: dict[str, str]
    ) -> tuple[str, bool]:
        """Return the conversation's id, with whether it was opened now."""
        place = (contact, connector, asset)
        found = self._known.get(place)
        if found is not None:
            self._heard[found] = {"conversation": found, "address": reply_to, "at": tx.now}
            return found, False
        conversation = tx.new_id("cv")
        self._known[place] = conversation
        self._new.append(
            {
                "id": conversation,
                "channel": channel,
                "connector": connector,
                "asset": asset,
                "contact_id": contact,
                "reply_to": reply_to,
                "opened_at": tx.now,
                "last_inbound_at": tx.now,
            }
        )
        return conversation, True

    def record(self, message: dict[str, Any]) -> None:
        """Keep a message row to be written with the rest."""
        self._messages.append(message)

    def save(self, tx: Transaction) -> None:
        """Write what is new."""
        tx.write_many(_INSERT, self._new)
        tx.write_many(_HEARD, list(self._heard.values()))
        tx.write_many(_INSERT_MESSAGE, self._messages)


def look_up(tx: Transaction, conversation_ids: Iterable[str]) -> None:
    """Read conversations whose keys are locked, for ``get``."""
    rows = tx.all(_BY_IDS, ids=sorted(set(conversation_ids)))
    tx.looked_up(_LOOKED_UP).update((row.id, row) for row in rows)


def get(tx: Transaction, conversation_id: str) -> Row[Any]:
    """Return one conversation.

    Raises:
        NotFound: There is none of that id.
    """
    found: Row[Any] | None = tx.looked_up(_LOOKED_UP).get(conversation_id)
    if found is None:
        found = tx.one(_BY_ID, id=conversation_id)
    if found is None:
        msg = f"there is no conversation {conversation_id}"
        raise NotFound(msg)
    return found


def record_outgoing(tx: Transaction, message: dict[str, Any]) -> None:
    """Write one message of ours into its conversation."""
    tx.write(_INSERT_MESSAGE, **message)


def recent_messages(tx: Transaction, conversation_id: str, limit: int = 50) -> Sequence[Row[Any]]:
    """Return the newest messages of a conversation, newest first."""
    return tx.all(_MESSAGES, conversation=conversation_id, limit=limit)


def join_case(tx: Transaction, message_id: str, case_id: str) -> None:
    """Say which case a message belongs to (R-P13)."""
    tx.write(_JOIN, message=message_id, case=case_id)
