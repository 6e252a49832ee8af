"""Files that came with messages, as they are announced: at once, while the conversation goes on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import bindparam, insert, select
from sqlalchemy.engine import Row

from hub.contracts import File
from hub.services.files import Stored
from hub.store.tables import attachments
from hub.store.transaction import Transaction
from schemas.content import Attachment, AttachmentKind

USEFUL_FOR: Final = timedelta(days=6)
"""Providers keep a file for seven days; on the last one it is too late to find out that it is gone."""

_LARGEST: Final = 2**53

_INSERT: Final = insert(attachments)
_OF_MESSAGE: Final = (
    select(attachments).where(attachments.c.message_id == bindparam("message")).order_by(attachments.c.position)
)
_BY_ID: Final = select(attachments).where(attachments.c.id == bindparam("attachment"))


def announce(tx: Transaction, files: Sequence[File]) -> tuple[Attachment, ...]:
    """Return the files of one message under ids of the hub's own, without what it takes to fetch them."""
    return tuple(
        Attachment(
            attachment_id=tx.new_id("at"),
            kind=file.kind,
            mime_type=file.mime_type,
            filename=file.filename,
            sha256=file.sha256,
            size_bytes=_size(file),
        )
        for file in files
    )


def rows(
    announced: Sequence[Attachment], files: Sequence[File], *, wanted_at: datetime, **place: str
) -> list[dict[str, Any]]:
    """Return the rows that ask for the files of a message; ``place`` names it with its asset."""
    return [
        {
            **place,
            **known.model_dump(exclude={"attachment_id"}),
            "id": known.attachment_id,
            "source": dict(file.source),
            "state": "wanted",
            "reason": file.trouble,
            "wanted_at": wanted_at,
            # Whoever fetches finds that it is too late already, which tells everybody.
            "useful_until": wanted_at + (USEFUL_FOR if file.trouble is None else timedelta()),
            "attempts": 0,
            "version": 1,
        }
        for known, file in zip(announced, files, strict=True)
    ]


def want(tx: Transaction, wanted: Sequence[dict[str, Any]]) -> None:
    """Write rows that ask for files, then wake whoever fetches them."""
    if wanted:
        tx.write_many(_INSERT, wanted)
        tx.signal("attachments")


def own(tx: Transaction, kind: AttachmentKind, filename: str | None, stored: Stored) -> Attachment:
    """Return how a file of ours is told that goes out with a message."""
    return Attachment(
        attachment_id=tx.new_id("at"),
        kind=kind,
        mime_type=stored.mime_type,
        filename=filename,
        sha256=stored.sha256,
        size_bytes=stored.size_bytes,
    )


def keep(tx: Transaction, conversation: Row[Any], reply_id: str, known: Attachment, stored: Stored) -> None:
    """Write down a file of ours that a reply carries."""
    tx.write(
        _INSERT,
        **known.model_dump(exclude={"attachment_id"}),
        id=known.attachment_id,
        message_id=reply_id,
        conversation_id=conversation.id,
        connector=conversation.connector,
        asset=conversation.asset,
        source={},
        state="stored",
        wanted_at=tx.now,
        useful_until=tx.now,
        attempts=0,
        version=1,
        stored_as=stored.name,
        stored_bytes=stored.size_bytes,
        stored_sha256=stored.sha256,
        stored_type=stored.mime_type,
        settled_at=tx.now,
    )


def get(tx: Transaction, attachment_id: str) -> Row[Any] | None:
    """Return one file, None when there is none of that id."""
    return tx.one(_BY_ID, attachment=attachment_id)


def of_message(tx: Transaction, message_id: str) -> Sequence[Row[Any]]:
    """Return the files of a message, in their order."""
    return tx.all(_OF_MESSAGE, message=message_id)


def _size(file: File) -> int | None:
    return file.size_bytes if file.size_bytes is not None and 0 <= file.size_bytes <= _LARGEST else None
