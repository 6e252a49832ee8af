"""Files as a person sees them: listed, let out of quarantine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import bindparam, select, update
from sqlalchemy.engine import Row

from hub.errors import NotFound, Permanent
from hub.services import attachments
from hub.store.tables import attachments as table
from hub.store.transaction import Transaction
from schemas.attachments import AttachmentStored

STATES: Final = ("quarantined", "stored", "wanted", "lost")

_LIST: Final = (
    select(table)
    .where(table.c.state.in_(bindparam("states", expanding=True)))
    .order_by(table.c.position.desc())
    .limit(bindparam("limit"))
)
_RELEASE: Final = (
    update(table)
    .where(table.c.id == bindparam("of_id"), table.c.version == bindparam("expected"), table.c.state == "quarantined")
    .values(state="stored", reason=None, version=table.c.version + 1)
)


def listing(tx: Transaction, states: Iterable[str], limit: int = 100) -> Sequence[Row[Any]]:
    """Return files in the named states, newest first."""
    return tx.all(_LIST, states=list(states), limit=limit)


def get(tx: Transaction, attachment_id: str, *states: str) -> Row[Any]:
    """Return a file that is in one of these states.

    Raises:
        NotFound: There is none of that id.
        Permanent: It is in another state.
    """
    row = attachments.get(tx, attachment_id)
    if row is None:
        msg = f"there is no file {attachment_id}"
        raise NotFound(msg)
    if row.state not in states:
        msg = f"{attachment_id} is {row.state}, not {' or '.join(states)}"
        raise Permanent(msg)
    return row


def release(tx: Transaction, attachment_id: str) -> None:
    """Let a file out of quarantine, because a person has looked at it; subscribers hear of it as of any other.

    Raises:
        NotFound: There is none of that id.
        Permanent: It is not in quarantine.
    """
    row = get(tx, attachment_id, "quarantined")
    if not tx.run(_RELEASE, of_id=row.id, expected=row.version):
        msg = f"{attachment_id} was changed meanwhile; look again"
        raise Permanent(msg)
    fact = AttachmentStored(
        attachment_id=row.id,
        message_id=row.message_id,
        conversation_id=row.conversation_id,
        kind=row.kind,
        mime_type=row.stored_type,
        size_bytes=row.stored_bytes,
        sha256=row.stored_sha256,
        is_as_announced=row.sha256 in {None, row.stored_sha256},
    )
    tx.state(fact, key=row.conversation_id, subject=row.id)
