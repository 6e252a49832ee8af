"""What became of files that came with messages, as events of ``hub.messages``."""

from __future__ import annotations

from typing import ClassVar

from schemas import topics
from schemas.content import AttachmentKind
from schemas.envelope import EventData


class _About(EventData):
    TOPIC: ClassVar = topics.MESSAGES

    attachment_id: str
    message_id: str
    conversation_id: str
    kind: AttachmentKind


class _Kept(_About):
    """``mime_type`` is what the bytes tell, else what the provider says; ``sha256`` is in hex.

    ``is_as_announced`` is false where the provider had announced another digest.
    """

    mime_type: str | None
    size_bytes: int
    sha256: str
    is_as_announced: bool


class AttachmentStored(_Kept):
    """A file was fetched; it is the hub's own from now on."""

    TYPE: ClassVar = "hub.attachment.stored.v1"


class AttachmentQuarantined(_Kept):
    """A file was fetched, then set apart: it is kept, shown to nobody."""

    TYPE: ClassVar = "hub.attachment.quarantined.v1"

    reason_es: str


class AttachmentLost(_About):
    """A file could not be had; the customer has to be asked for it again."""

    TYPE: ClassVar = "hub.attachment.lost.v1"

    attempts: int
    reason_es: str
