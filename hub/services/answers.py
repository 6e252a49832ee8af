"""What a person says to a customer through the hub."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal

from sqlalchemy.engine import Row

from hub.contracts import Content
from hub.errors import Permanent
from hub.services import attachments, cases, conversations, replies, signs, silence
from hub.services.files import Stored
from hub.store import effects
from hub.store.transaction import KEY, Transaction
from schemas.content import Attachment, OutboundFile

INTENT: Final = "answer"
USEFUL_FOR: Final = timedelta(hours=24)

OutboundKind = Literal["image", "video", "audio", "document"]

_MB: Final = 1024 * 1024
# What every channel takes: the smallest of their limits.
_SHOWN: Final[dict[OutboundKind, tuple[frozenset[str], int]]] = {
    "image": (frozenset({"image/jpeg", "image/png"}), 5 * _MB),
    "video": (frozenset({"video/mp4", "video/3gpp"}), 16 * _MB),
    "audio": (frozenset({"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"}), 16 * _MB),
}


@dataclass(frozen=True, slots=True)
class OwnFile:
    """A file of ours that is on disk already; ``filename`` is what the customer sees."""

    filename: str
    stored: Stored


def answer(tx: Transaction, conversation_id: str, text: str, file: OwnFile | None = None) -> list[str]:
    """Say something in a person's name, then return the ids of the replies, in their order.

    A file goes as a message of its own behind the text: not every channel takes both in one. When any of it may leave,
    the conversation's open case is left to people from here on, what the hub was about to say is taken back, as after
    an answer outside the hub (R-C9).

    Raises:
        NotFound: There is no such conversation.
        Permanent: It stands below a post, where a chat message cannot be sent.
    """
    tx.lock(KEY, [conversation_id])
    conversation = _chat(tx, conversation_id)
    case = cases.open_id_of(tx, conversation_id)
    said = [_say(tx, conversation_id, case, text, None)] if text or file is None else []
    if file is not None:
        kind = kind_of(file.stored.mime_type, file.stored.size_bytes)
        known = attachments.own(tx, kind, file.filename, file.stored)
        named = OutboundFile(kind=kind, attachment_id=known.attachment_id, filename=file.filename)
        reply = _say(tx, conversation_id, case, "", named, known)
        attachments.keep(tx, conversation, reply, known, file.stored)
        said.append(reply)
    if not any(_may_leave(tx, reply) for reply in said):
        return said
    silence.after_colleague(tx, conversation_id, tx.now)
    # Whoever answers has read; a file takes its time.
    signs.show(tx, conversation_id, *(("read",) if file is None else ("read", "typing")))
    if case is not None:
        for reply in said:
            cases.leave_to_people(tx, case, reply)
    return said


def opened(tx: Transaction, conversation_id: str) -> list[str]:
    """Show the customer that a person has read what they wrote; return the ids of the effects.

    Raises:
        NotFound: There is no such conversation.
        Permanent: It stands below a post, where nobody sees such a mark.
    """
    _chat(tx, conversation_id)
    return signs.show(tx, conversation_id, "read")


def _chat(tx: Transaction, conversation_id: str) -> Row[Any]:
    conversation = conversations.get(tx, conversation_id)
    if conversation.thread:
        msg = f"{conversation_id} stands below a post: answer the comment on the page, or the person in their chat"
        raise Permanent(msg)
    return conversation


def _may_leave(tx: Transaction, reply: str) -> bool:
    effect = effects.get(tx, reply)
    return effect is not None and effect.state != "failed"


def kind_of(mime_type: str | None, size_bytes: int) -> OutboundKind:
    """Return what a file is sent as; what channels do not show themselves, or not of that size, is a document."""
    for kind, (types, most_bytes) in _SHOWN.items():
        if mime_type in types and size_bytes <= most_bytes:
            return kind
    return "document"


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
