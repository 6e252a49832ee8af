"""Threads with one person on one channel, with the messages in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import bindparam, case, insert, select, update
from sqlalchemy.engine import Row

from hub.errors import NotFound
from hub.store import events
from hub.store.events import envelope
from hub.store.tables import conversations, messages
from hub.store.transaction import Transaction
from schemas.envelope import EventData
from schemas.replies import ReplyRequested


def latest(column: Any, name: str) -> Any:
    """Return a column's value after a write: the later of what stands there with what is given, if anything is."""
    given = bindparam(name, type_=column.type)
    return case((column.is_(None) | (column < given), given), else_=column)


_OF_CONTACTS: Final = select(
    conversations.c.id,
    conversations.c.contact_id,
    conversations.c.connector,
    conversations.c.asset,
    conversations.c.thread,
).where(conversations.c.contact_id.in_(bindparam("contacts", expanding=True)))
_BY_ID: Final = select(conversations).where(conversations.c.id == bindparam("id"))
_BY_IDS: Final = select(conversations).where(conversations.c.id.in_(bindparam("ids", expanding=True)))
_LOOKED_UP: Final = "conversations"
_INSERT: Final = insert(conversations)
_HEARD: Final = (
    update(conversations)
    .where(conversations.c.id == bindparam("conversation"))
    .values(
        reply_to=bindparam("address"),
        last_inbound_at=bindparam("at"),
        window_opened_at=latest(conversations.c.window_opened_at, "opened"),
        referred_at=latest(conversations.c.referred_at, "referred"),
    )
)
_HOLD: Final = (
    update(conversations)
    .where(
        conversations.c.id == bindparam("conversation"),
        conversations.c.holder_since.is_(None) | (conversations.c.holder_since < bindparam("at")),
    )
    .values(holder=bindparam("by"), holder_since=bindparam("at"))
)
_INSERT_MESSAGE: Final = insert(messages)
_MESSAGES: Final = (
    select(messages)
    .where(messages.c.conversation_id == bindparam("conversation"))
    .order_by(messages.c.position.desc())
    .limit(bindparam("limit"))
)
_LAST_HEARD: Final = (
    select(messages)
    .where(messages.c.conversation_id == bindparam("conversation"), messages.c.direction == "in")
    .order_by(messages.c.position.desc())
    .limit(1)
)
_ANSWERS: Final = "answers of people"
_ANSWERED: Final = select(messages.c.conversation_id, messages.c.time).where(
    messages.c.conversation_id.in_(bindparam("conversations", expanding=True)),
    (messages.c.state == "echoed") | ((messages.c.written_by == "person") & (messages.c.state != "failed")),
)
_REDIRECT: Final = (
    update(conversations)
    .where(
        conversations.c.contact_id == bindparam("contact"),
        conversations.c.connector == bindparam("of_connector"),
        conversations.c.asset == bindparam("of_asset"),
        conversations.c.thread == "",
    )
    .values(reply_to=bindparam("address"))
)
_JOIN: Final = update(messages).where(messages.c.id == bindparam("message")).values(case_id=bindparam("case"))


class Heard(NamedTuple):
    """When somebody wrote to us in a way that opens the free-form window, or comes from an ad; None where not so."""

    window: datetime | None = None
    referred: datetime | None = None


@dataclass(slots=True)
class Threads:
    """Finds or opens the conversations of many inbound messages in one transaction."""

    _known: dict[tuple[str, str, str, str], str] = field(default_factory=dict)
    _new: list[dict[str, Any]] = field(default_factory=list)
    _heard: dict[str, dict[str, Any]] = field(default_factory=dict)
    _messages: list[dict[str, Any]] = field(default_factory=list)

    def look_up(self, tx: Transaction, contacts: Iterable[str]) -> None:
        """Load the conversations of these contacts."""
        wanted = sorted(set(contacts))
        if wanted:
            for row in tx.all(_OF_CONTACTS, contacts=wanted):
                self._known[row.contact_id, row.connector, row.asset, row.thread] = row.id

    def find(self, contact: str, connector: str, asset: str, thread: str = "") -> str | None:
        """Return the conversation with a contact, None when there is none yet."""
        return self._known.get((contact, connector, asset, thread))

    def find_or_open(
        self,
        tx: Transaction,
        *,
        contact: str,
        channel: str,
        connector: str,
        asset: str,
        reply_to: dict[str, str],
        thread: str = "",
        heard: Heard | None = None,
    ) -> tuple[str, bool]:
        """Return the conversation's id, with whether it was opened now; without ``heard`` nobody wrote to us."""
        place = (contact, connector, asset, thread)
        found = self._known.get(place)
        if found is not None:
            if heard is not None:
                self._hear(tx, found, reply_to, heard)
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
                "thread": thread,
                "window_opened_at": heard.window if heard else None,
                "referred_at": heard.referred if heard else None,
            }
        )
        return conversation, True

    def _hear(self, tx: Transaction, conversation: str, reply_to: dict[str, str], heard: Heard) -> None:
        before = self._heard.get(conversation, {})
        windows = [at for at in (before.get("opened"), heard.window) if at]
        referrals = [at for at in (before.get("referred"), heard.referred) if at]
        self._heard[conversation] = {
            "conversation": conversation,
            "address": reply_to,
            "at": tx.now,
            "opened": max(windows, default=None),
            "referred": max(referrals, default=None),
        }

    def record(self, message: dict[str, Any]) -> None:
        """Keep a message row to be written with the rest."""
        self._messages.append(message)

    def save(self, tx: Transaction) -> None:
        """Write what is new since the last call."""
        tx.write_many(_INSERT, self._new)
        tx.write_many(_HEARD, list(self._heard.values()))
        tx.write_many(_INSERT_MESSAGE, self._messages)
        self._new, self._heard, self._messages = [], {}, []


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


def record(tx: Transaction, message: dict[str, Any]) -> None:
    """Write the row of one message at once; ingest writes many together through ``Threads``."""
    tx.write(_INSERT_MESSAGE, **message)


def record_outgoing(tx: Transaction, conversation: Row[Any], asked: ReplyRequested, event_id: str, state: str) -> None:
    """Write one message of ours into its conversation."""
    tx.write(
        _INSERT_MESSAGE,
        id=asked.reply_id,
        conversation_id=conversation.id,
        case_id=asked.case_id,
        direction="out",
        connector=conversation.connector,
        asset=conversation.asset,
        provider_id=None,
        kind=asked.kind,
        text=asked.text,
        state=state,
        time=tx.now,
        received_at=tx.now,
        event_id=event_id,
        written_by=asked.written_by,
    )


def recent_messages(tx: Transaction, conversation_id: str, limit: int = 50) -> Sequence[Row[Any]]:
    """Return the newest messages of a conversation, newest first."""
    return tx.all(_MESSAGES, conversation=conversation_id, limit=limit)


def last_heard(tx: Transaction, conversation_id: str) -> Row[Any] | None:
    """Return the newest message of the customer's; None where there is none."""
    return tx.one(_LAST_HEARD, conversation=conversation_id)


def stated(tx: Transaction, message: Row[Any]) -> EventData:
    """Return what was stated when a message came."""
    row = events.get(tx, message.event_id)
    if row is None:
        msg = f"the event of {message.id} is gone although nothing deletes events"
        raise NotFound(msg)
    return envelope(row).data  # type: ignore[no-any-return]


def hold(tx: Transaction, conversation_id: str, holder: str, at: datetime) -> None:
    """Say which application has a thread, unless something later was told."""
    tx.run(_HOLD, conversation=conversation_id, by=holder, at=at)


def is_held(conversation: Row[Any]) -> bool:
    """Tell whether another application has a thread: the hub says nothing there by itself."""
    return bool(conversation.holder == "other")


def redirect(tx: Transaction, contact_id: str, connector: str, asset: str, reply_to: dict[str, str]) -> None:
    """Answer a contact at another address of the same asset from now on."""
    tx.run(_REDIRECT, contact=contact_id, of_connector=connector, of_asset=asset, address=reply_to)


def look_up_answers(tx: Transaction, conversation_ids: Iterable[str]) -> None:
    """Read when people answered, for ``answered_by_person``."""
    wanted = sorted(set(conversation_ids))
    found = tx.looked_up(_ANSWERS)
    found.update({id_: [] for id_ in wanted if id_ not in found})
    for row in tx.all(_ANSWERED, conversations=wanted) if wanted else ():
        found[row.conversation_id].append(row.time)


def answered_by_person(tx: Transaction, conversation_id: str, since: datetime) -> datetime | None:
    """Return when a person first answered from an instant on, outside the hub or through it; None when nobody did."""
    if conversation_id not in tx.looked_up(_ANSWERS):
        look_up_answers(tx, [conversation_id])
    return min((at for at in tx.looked_up(_ANSWERS)[conversation_id] if at >= since), default=None)


def join_case(tx: Transaction, message_id: str, case_id: str) -> None:
    """Say which case a message belongs to (R-P13)."""
    tx.write(_JOIN, message=message_id, case=case_id)
