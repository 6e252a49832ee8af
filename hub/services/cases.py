"""Matters inside a conversation."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from sqlalchemy import and_, bindparam, insert, select, update
from sqlalchemy.engine import Row

from hub.services import conversations
from hub.store.tables import cases
from hub.store.tables import conversations as conversations_table
from hub.store.transaction import Transaction
from schemas.conversations import CaseDiagnosed, CaseKind, CaseOpened, CaseScope
from schemas.messages import CommentPosted, MessageReceived, MessageUnsupported

Said = MessageReceived | MessageUnsupported | CommentPosted
"""What a case may begin with."""

_OPEN_OF: Final = (
    select(cases)
    .where(cases.c.conversation_id == bindparam("conversation"), cases.c.state == "open")
    .order_by(cases.c.position.desc())
    .limit(1)
)
_OPEN_OF_MANY: Final = (
    select(cases.c.conversation_id, cases.c.id)
    .where(cases.c.conversation_id.in_(bindparam("conversations", expanding=True)), cases.c.state == "open")
    .order_by(cases.c.position)
)
_HERE: Final = conversations_table.alias("here")
_THERE: Final = conversations_table.alias("there")
_BEGUN_IN_PUBLIC: Final = (
    select(_HERE.c.id.label("conversation_id"), cases.c.id)
    .join(
        _THERE,
        and_(
            _THERE.c.contact_id == _HERE.c.contact_id,
            _THERE.c.connector == _HERE.c.connector,
            _THERE.c.asset == _HERE.c.asset,
            _THERE.c.thread != "",
        ),
    )
    .join(cases, cases.c.conversation_id == _THERE.c.id)
    .where(_HERE.c.id.in_(bindparam("conversations", expanding=True)), _HERE.c.thread == "", cases.c.state == "open")
    .order_by(cases.c.position)
)
_INSERT: Final = insert(cases)
_LOOKED_UP: Final = "open cases"
_DIAGNOSE: Final = (
    update(cases)
    .where(cases.c.id == bindparam("case"))
    .values(kind=bindparam("new_kind"), scope=bindparam("new_scope"), version=cases.c.version + 1)
)

_LEAVE: Final = (
    update(cases)
    .where(cases.c.id == bindparam("case"), cases.c.left_to_people_at.is_(None))
    .values(left_to_people_at=bindparam("at"), version=cases.c.version + 1)
)


def open_of(tx: Transaction, conversation_id: str) -> Row[Any] | None:
    """Return the newest open case of a conversation."""
    return tx.one(_OPEN_OF, conversation=conversation_id)


def look_up(tx: Transaction, conversation_ids: Iterable[str]) -> None:
    """Read the open cases of conversations whose keys are locked, for ``open_id_of``."""
    wanted = sorted(set(conversation_ids))
    found = tx.looked_up(_LOOKED_UP)
    found.update(dict.fromkeys(wanted))
    found.update((row.conversation_id, row.id) for row in tx.all(_OPEN_OF_MANY, conversations=wanted))
    quiet = [id_ for id_ in wanted if found[id_] is None]
    if quiet:
        found.update((row.conversation_id, row.id) for row in tx.all(_BEGUN_IN_PUBLIC, conversations=quiet))


def open_id_of(tx: Transaction, conversation_id: str) -> str | None:
    """Return the id of the newest open case of a conversation.

    A chat without one goes on with what the same person began below a post: the private reply led them here.
    """
    known = tx.looked_up(_LOOKED_UP)
    if conversation_id not in known:
        look_up(tx, [conversation_id])
    found: str | None = known[conversation_id]
    return found


def open_for(tx: Transaction, message: Said, summary: str) -> str:
    """Open a case for a message, then return its id."""
    case = tx.new_id("ca")
    tx.looked_up(_LOOKED_UP)[message.conversation_id] = case
    tx.write(
        _INSERT,
        id=case,
        conversation_id=message.conversation_id,
        contact_id=message.contact_id,
        state="open",
        kind="unknown",
        scope="unknown",
        summary=summary,
        opened_at=tx.now,
        version=1,
    )
    conversations.join_case(tx, message.message_id, case)
    tx.state(
        CaseOpened(
            case_id=case,
            conversation_id=message.conversation_id,
            contact_id=message.contact_id,
            message_id=message.message_id,
        ),
        key=message.conversation_id,
        subject=case,
    )
    return case


def leave_to_people(tx: Transaction, case_id: str, message_id: str | None = None) -> None:
    """End the hub's part in a case that a colleague answered; that answer joins it (R-C9)."""
    if message_id is not None:
        conversations.join_case(tx, message_id, case_id)
    tx.run(_LEAVE, case=case_id, at=tx.now)


def diagnose(  # noqa: PLR0913 - what a diagnosis says, word by word
    tx: Transaction,
    message: Said,
    case_id: str,
    *,
    kind: CaseKind,
    scope: CaseScope,
    needs_ticket: bool,
    summary: str,
    asked_at: datetime,
    rule: str,
) -> None:
    """Record what the quick diagnosis says of a case."""
    tx.write(_DIAGNOSE, case=case_id, new_kind=kind, new_scope=scope)
    tx.state(
        CaseDiagnosed(
            case_id=case_id,
            conversation_id=message.conversation_id,
            contact_id=message.contact_id,
            message_id=message.message_id,
            kind=kind,
            scope=scope,
            needs_ticket=needs_ticket,
            summary=summary,
            asked_at=asked_at,
            rule=rule,
            policy_version=tx.policies.version,
        ),
        key=message.conversation_id,
        subject=case_id,
    )
