"""Edits, deletions, reactions: applied to the message they speak of so that any order ends the same."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, select, update
from sqlalchemy.engine import Row

from hub.contracts import AmendmentItem
from hub.store.tables import conversations, messages
from hub.store.transaction import Transaction
from hub.store.types import to_microseconds
from schemas.envelope import EventData
from schemas.messages import MessageDeleted, MessageEdited, MessageHidden, MessageReacted

_MOST_REVISIONS: Final = 999_999

_NAMED: Final = (
    messages.c.connector == bindparam("of_connector"),
    messages.c.asset == bindparam("of_asset"),
    messages.c.provider_id == bindparam("target"),
)
_ORIGINAL: Final = (
    select(
        messages.c.id,
        messages.c.conversation_id,
        messages.c.provider_id,
        messages.c.asset,
        messages.c.text,
        messages.c.revision,
        messages.c.edit_rank,
        messages.c.deleted_at,
        messages.c.hidden,
        messages.c.reactions,
        conversations.c.channel,
    )
    .join(conversations, conversations.c.id == messages.c.conversation_id)
    .where(*_NAMED)
    .order_by(messages.c.position)
    .limit(1)
)
_MESSAGE: Final = (
    select(
        messages.c.conversation_id, messages.c.quoted_provider_id, conversations.c.contact_id, conversations.c.channel
    )
    .join(conversations, conversations.c.id == messages.c.conversation_id)
    .where(*_NAMED)
    .order_by(messages.c.position)
    .limit(1)
)
_AMEND: Final = (
    update(messages)
    .where(messages.c.id == bindparam("message"))
    .values(
        text=bindparam("new_text"),
        revision=bindparam("revisions"),
        edit_rank=bindparam("rank"),
        deleted_at=bindparam("deleted"),
        hidden=bindparam("is_hidden"),
        reactions=bindparam("all_reactions"),
    )
)


def original_of(tx: Transaction, connector: str, item: AmendmentItem) -> Row[Any] | None:
    """Return the message that an amendment speaks of, None while nobody knows it."""
    return tx.one(_ORIGINAL, of_connector=connector, of_asset=item.asset, target=item.target)


def message_of(tx: Transaction, connector: str, asset: str, provider_id: str) -> Row[Any] | None:
    """Return where a message stands, with whom, what it quotes, by the provider's id of it; None for an unknown one."""
    return tx.one(_MESSAGE, of_connector=connector, of_asset=asset, target=provider_id)


def apply(tx: Transaction, original: Row[Any], item: AmendmentItem, at: datetime, event_id: str, **told: Any) -> None:
    """Change a message, then state that it was; ``told`` is how the event names its source with its cause."""
    tx.run(_AMEND, message=original.id, **_changed(original, item, at, event_id))
    fact = _fact(original, item, at)
    tx.state(fact, key=original.conversation_id, subject=original.id, id=event_id, time=at, **told)


def _changed(original: Row[Any], item: AmendmentItem, at: datetime, event_id: str) -> dict[str, Any]:
    """Return the message's state with one more amendment; the same for any order of the same amendments."""
    state = {
        "new_text": original.text,
        "revisions": original.revision,
        "rank": original.edit_rank,
        "deleted": original.deleted_at,
        "is_hidden": original.hidden,
        "all_reactions": original.reactions,
    }
    rank = _rank(item, at, event_id)
    if item.kind == "edit":
        state["revisions"] += 1
        if rank > (original.edit_rank or ""):
            state["new_text"], state["rank"] = item.text, rank
    elif item.kind == "delete":
        state["deleted"] = min(at, original.deleted_at or at)
    elif item.kind == "reaction":
        state["all_reactions"] = _latest(original.reactions, item.by, rank, emoji=item.emoji)
    else:
        state["is_hidden"] = _latest(original.hidden, "company", rank, hidden=item.kind == "hide")
    return state


def _latest(before: Mapping[str, Any] | None, by: str, rank: str, **word: Any) -> dict[str, Any]:
    known = dict(before or {})
    if rank > known.get(by, {}).get("rank", ""):
        known[by] = {"rank": rank, **word}
    return known


def _rank(item: AmendmentItem, at: datetime, event_id: str) -> str:
    """Return a word that sorts as amendments count: by the provider's number, by time, at last by id."""
    revision = min(max(item.revision or 0, 0), _MOST_REVISIONS)
    return f"{revision:06d}/{to_microseconds(at):020d}/{event_id}"


def _fact(original: Row[Any], item: AmendmentItem, at: datetime) -> EventData:
    about: dict[str, Any] = {
        "message_id": original.id,
        "conversation_id": original.conversation_id,
        "channel": original.channel,
        "asset": original.asset,
        "provider_message_id": original.provider_id,
        "by": item.by,
        "at": at,
    }
    if item.kind == "edit":
        return MessageEdited(**about, text=item.text, revision=item.revision)
    if item.kind == "delete":
        return MessageDeleted(**about)
    if item.kind == "reaction":
        return MessageReacted(**about, emoji=item.emoji)
    return MessageHidden(**about, hidden=item.kind == "hide")
