"""What a person says to a customer through the hub."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from hub.contracts import Content
from hub.services import attachments, cases, conversations, replies, signs, silence
from hub.services.files import Stored
from hub.store.transaction import Transaction
from schemas.content import Attachment, OutboundFile

INTENT: Final = "answer"
USEFUL_FOR: Final = timedelta(hours=24)

_IMAGES: Final = frozenset({"image/jpeg", "image/png"})
_VIDEOS: Final = frozenset({"video/mp4", "video/3gpp"})
_SOUNDS: Final = frozenset({"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"})

OutboundKind = Literal["image", "video", "audio", "document"]


@dataclass(frozen=True, slots=True)
class OwnFile:
    """A file of ours that is on disk already; ``filename`` is what the customer sees."""

    filename: str
    stored: Stored


def answer(tx: Transaction, conversation_id: str, text: str, file: OwnFile | None = None) -> list[str]:
    """Say something in a person's name, then return the ids of the replies, in their order.

    A file goes as a message of its own behind the text: not every channel takes both in one. The conversation's open
    case is left to people from here on, what the hub was about to say is taken back, as after an answer outside the hub
    (R-C9).

    Raises:
        NotFound: There is no such conversation.
    """
    conversation = conversations.get(tx, conversation_id)
    case = cases.open_id_of(tx, conversation_id)
    silence.after_colleague(tx, conversation_id, tx.now)
    # Whoever answers has read; a file takes its time.
    signs.show(tx, conversation_id, *(("read",) if file is None else ("read", "typing")))
    said = [_say(tx, conversation_id, case, text, None)] if text or file is None else []
    if file is not None:
        kind = kind_of(file.stored.mime_type)
        known = attachments.own(tx, kind, file.filename, file.stored)
        named = OutboundFile(kind=kind, attachment_id=known.attachment_id, filename=file.filename)
        reply = _say(tx, conversation_id, case, "", named, known)
        attachments.keep(tx, conversation, reply, known, file.stored)
        said.append(reply)
    if case is not None:
        for reply in said:
            cases.leave_to_people(tx, case, reply)
    return said


def kind_of(mime_type: str | None) -> OutboundKind:
    """Return what a file is sent as; whatever channels do not show themselves is a document."""
    if mime_type in _IMAGES:
        return "image"
    if mime_type in _VIDEOS:
        return "video"
    return "audio" if mime_type in _SOUNDS else "document"


def _say(
    tx: Transaction,
    conversation_id: str,
    case_id: str | None,
    text: str,
    file: OutboundFile | None,
    *told: Attachment,
) -> str:
    return replies.request(
        tx,
        conversation_id,
        text,
        intent=INTENT,
        useful_for=USEFUL_FOR,
        case_id=case_id,
        content=Content(file=file),
        written_by="person",
        attachments=told,
    )
